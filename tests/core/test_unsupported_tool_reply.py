from __future__ import annotations

import json
from typing import Any

import pytest

from claude_proxy.core.auth import Auth
from claude_proxy.core.traits import Traits
from claude_proxy.core.types import Reply
from claude_proxy.core.unsupported_tool_reply import unsupported_tool_reply
from core.builders import MODEL, candidate, compact, events, provider, request

SEARCH: dict[str, Any] = {"type": "web_search_20250305", "name": "web_search"}
FETCH: dict[str, Any] = {"type": "web_fetch_20250910", "name": "web_fetch"}
OWN: dict[str, Any] = {"name": "Read", "input_schema": {}}


def answer(
    *offered: tuple[str, ...] | None, tools: Any = (SEARCH,), auth: Auth = Auth.BEARER, **fields: Any
) -> Reply | None:
    """Return what providers that offer these families of tools make the proxy say."""
    candidates = [candidate(provider(traits=Traits(server_tools=one), auth=auth)) for one in offered]
    return unsupported_tool_reply(request(compact({"model": MODEL, "tools": tools, **fields})), candidates)


def test_says_so_if_no_provider_has_the_tool() -> None:
    reply = answer((), ("code_execution_",), tools=[SEARCH, FETCH])
    assert reply
    assert (reply.status, reply.headers) == (200, ((b"content-type", b"application/json"),))
    message = json.loads(reply.body)
    assert (message["type"], message["role"], message["model"]) == ("message", "assistant", MODEL)
    assert message["stop_reason"] == "end_turn"
    (block,) = message["content"]
    assert "none of the providers has the tool for it (web_search_20250305, web_fetch_20250910)" in block["text"]


def test_answers_a_streaming_request_with_a_stream() -> None:
    reply, whole = answer((), stream=True), answer(())
    assert reply
    assert whole
    assert (b"content-type", b"text/event-stream") in reply.headers
    told = [json.loads(event.data) for event in events(reply.body)]
    assert [one["type"] for one in told] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert [event.name for event in events(reply.body)] == [one["type"] for one in told]
    assert told[0]["message"] == {**json.loads(whole.body), "content": [], "stop_reason": None}
    assert told[2]["delta"] == {"type": "text_delta", "text": json.loads(whole.body)["content"][0]["text"]}
    assert told[4]["delta"]["stop_reason"] == "end_turn"


@pytest.mark.parametrize(
    ("offered", "tools", "auth"),
    [
        ([(), None], [SEARCH], Auth.BEARER),
        ([(), ("web_search_",)], [SEARCH], Auth.BEARER),
        ([("web_fetch_",)], [SEARCH, FETCH], Auth.BEARER),
        ([()], [SEARCH, OWN], Auth.BEARER),
        ([()], [OWN], Auth.BEARER),
        ([()], [], Auth.BEARER),
        ([()], [SEARCH], Auth.CLIENT),
    ],
)
def test_gives_no_answer_if_a_provider_has_the_tool_or_more_is_asked_for(offered: Any, tools: Any, auth: Auth) -> None:
    assert answer(*offered, tools=tools, auth=auth) is None


def test_cuts_the_long_name_of_a_tool() -> None:
    reply = answer((), tools=[{"type": "web_search_" + "x" * 5000}])
    assert reply
    assert len(reply.body) < 700
