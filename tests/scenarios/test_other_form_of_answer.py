"""A whole message where a stream was asked for, or a stream where a message was: the client gets what it asked for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from claude_proxy.core.reasons import Reason
from claude_proxy.core.types import Ending, Usage
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import running_proxy
from fakes.scripts import (
    MESSAGE_STOP,
    block_start,
    json_message,
    message,
    message_delta,
    message_start,
    opening,
    thinking_then_text,
    tool_use,
)
from fakes.steps import Body, Close, Head, Raw, Script, Status, Stream, Wait
from fakes.stream_checks import complete_text, ending_of, names_of

JSON = {"content-type": "application/json"}
EVENTS = {"content-type": "text/event-stream"}
BODY = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [
        {"type": "thinking", "thinking": "let me see", "signature": "c2lnbmVk"},
        {"type": "text", "text": "I look 😀"},
        {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"path": "a\nb", "n": 1.50}},
        {"type": "brand_new", "wave": [1, 2]},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 12, "output_tokens": 7, "cache_read_input_tokens": 5},
}
WHOLE = json.dumps(BODY).encode()
HEAD = {**JSON, "content-length": str(len(WHOLE))}

WHOLE_ANSWERS: Mapping[str, Script] = {
    "in one": [Status(200, WHOLE)],
    "labelled as a stream": [Status(200, WHOLE, EVENTS)],
    "without a label": [Status(200, WHOLE, {"content-type": ""})],
    "in chunks": [Stream(JSON), *(Body(WHOLE[at : at + 9]) for at in range(0, len(WHOLE), 9))],
    "with blank lines in it": [Status(200, json.dumps(BODY, indent=1).encode().replace(b"\n", b"\n\n"))],
    "with a blank line behind it": [Status(200, WHOLE + b"\n\n")],
    "behind blank lines": [Status(200, b"\n\n\n\n" + WHOLE)],
    "up to the end of the connection": [Head(200, JSON), Raw(WHOLE), Close()],
}


@pytest.mark.parametrize("script", WHOLE_ANSWERS.values(), ids=WHOLE_ANSWERS.keys())
@pytest.mark.parametrize("continued", [True, False], ids=["continued", "not continued"])
@async_test
async def test_a_whole_message_becomes_a_stream(script: Script, continued: bool) -> None:
    async with running_proxy(FakeProvider(script), FakeProvider(message()), continue_answers=continued) as proxy:
        answer = await proxy.post()
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = await answer.all_events()
        [account] = await proxy.ledger.wait_for_accounts(1)
        assert (await proxy.status())["minimax"]["strikes"] == 0
    assert ending_of(events) == "message_stop"
    assert rebuilt(events) == BODY
    assert account.usage == Usage(12, 7, 0, 5)
    assert (account.ending, [str(attempt) for attempt in account.attempts]) == (Ending.COMPLETE, ["minimax=200"])


def rebuilt(events: list[Any]) -> dict[str, Any]:
    """Put a message together as the official clients do."""
    whole: dict[str, Any] = {}
    inputs: dict[int, str] = {}
    for event in events:
        data = event.data
        match event.name:
            case "message_start":
                whole = data["message"]
            case "content_block_start":
                whole["content"].append(data["content_block"])
            case "content_block_delta":
                block, delta = whole["content"][data["index"]], data["delta"]
                for name in ("text", "thinking", "signature"):
                    block |= {name: block[name] + delta[name]} if name in delta else {}
                inputs[data["index"]] = inputs.get(data["index"], "") + delta.get("partial_json", "")
            case "content_block_stop":
                if text := inputs.get(data["index"]):
                    whole["content"][data["index"]]["input"] = json.loads(text)
            case "message_delta":
                whole |= data["delta"]
                whole["usage"] |= data["usage"]
            case _:
                pass
    return whole


@async_test
async def test_a_whole_message_becomes_a_stream_behind_pings() -> None:
    gate = asyncio.Event()
    first = FakeProvider([Head(200, HEAD), Wait(gate), Raw(WHOLE)])
    async with running_proxy(first, ping_after=0.01) as proxy:
        events = (await proxy.post()).events()
        heard = [await anext(events)]
        gate.set()
        heard += [event async for event in events]
    assert (heard[0].name, ending_of(heard)) == ("ping", "message_stop")
    assert rebuilt(heard[1:]) == BODY


@async_test
async def test_a_message_with_nothing_but_a_stop_reason_is_one_as_a_stream() -> None:
    empty = json.dumps({**BODY, "content": [], "stop_reason": "end_turn"}).encode()
    async with running_proxy(FakeProvider([Status(200, empty)])) as proxy:
        events = await (await proxy.post()).all_events()
    assert names_of(events) == ["message_start", "message_delta", "message_stop"]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"stop_reason": "network_error"}, id="broken off"),
        pytest.param({"stop_reason": "stop", "content": []}, id="a foreign stop reason without content"),
        pytest.param({"content": "a text"}, id="no blocks"),
        pytest.param({"type": "completion"}, id="another type"),
    ],
)
@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@async_test
async def test_a_whole_message_that_is_no_answer_fails_over(changes: Mapping[str, Any], stream: bool) -> None:
    first = FakeProvider([Status(200, json.dumps({**BODY, **changes}).encode())])
    second = FakeProvider(message("hello", deltas=1) if stream else json_message("hello"))
    async with running_proxy(first, second) as proxy:
        assert b"hello" in await (await proxy.post(stream=stream)).read()
        assert (await proxy.status())["minimax"]["strikes"] == 1
    assert len(second.requests) == 1


STREAMS: Mapping[str, tuple[Script, list[dict[str, Any]], str]] = {
    "text": (message("hello"), [{"type": "text", "text": "hello"}], "end_turn"),
    "thinking": (
        thinking_then_text("why", "so"),
        [{"type": "thinking", "thinking": "why", "signature": "c2lnbmVk"}, {"type": "text", "text": "so"}],
        "end_turn",
    ),
    "a tool call": (
        tool_use("Read", {"path": "a"}),
        [{"type": "tool_use", "id": "toolu_fake", "name": "Read", "input": {"path": "a"}}],
        "tool_use",
    ),
    "a block that is whole in its start": (
        [Stream(), message_start(), block_start({"type": "brand_new", "wave": [1]}), message_delta(), MESSAGE_STOP],
        [{"type": "brand_new", "wave": [1]}],
        "end_turn",
    ),
}


@pytest.mark.parametrize("label", ["text/event-stream", "application/json"])
@pytest.mark.parametrize("kind", STREAMS)
@async_test
async def test_a_stream_becomes_a_whole_message(kind: str, label: str) -> None:
    (_, *events), content, stop_reason = STREAMS[kind]
    first = FakeProvider([Stream({"content-type": label}), Body(b": hi\n\n"), *events])
    async with running_proxy(first, FakeProvider(json_message())) as proxy:
        answer = await proxy.post(stream=False)
        assert answer.headers["content-type"] == "application/json"
        whole = await answer.json()
        [account] = await proxy.ledger.wait_for_accounts(1)
        assert (await proxy.status())["minimax"]["strikes"] == 0
    assert (whole["content"], whole["stop_reason"], whole["type"]) == (content, stop_reason, "message")
    assert account.usage == Usage(12, 7)
    assert [str(attempt) for attempt in account.attempts] == ["minimax=200"]


@async_test
async def test_a_whole_message_labelled_as_a_stream_gets_its_label() -> None:
    async with running_proxy(FakeProvider([Status(200, WHOLE, EVENTS)])) as proxy:
        answer = await proxy.post(stream=False)
        assert (answer.headers["content-type"], await answer.read()) == ("application/json", WHOLE)


@async_test
async def test_a_stream_that_ends_behind_its_stop_reason_is_a_whole_message() -> None:
    first = FakeProvider([*opening("hello"), message_delta(), Close()])
    async with running_proxy(first, FakeProvider(json_message())) as proxy:
        assert (await (await proxy.post(stream=False)).json())["content"][0]["text"] == "hello"


@async_test
async def test_a_request_that_is_refused_in_a_stream_is_told_so() -> None:
    error = (
        b'event: error\ndata: {"type":"error","error":{"type":"invalid_request_error","message":"no such tool"}}\n\n'
    )
    first = FakeProvider([Status(200, error, EVENTS)])
    async with running_proxy(first) as proxy:
        answer = await proxy.post(stream=False)
        assert (answer.status, (await answer.json())["error"]["message"]) == (400, "no such tool")


@async_test
async def test_a_message_of_very_many_blocks_costs_another_attempt_alone() -> None:
    content = [{"type": "text", "text": "a"}] * 50_000
    first = FakeProvider([Status(200, json.dumps(BODY | {"content": content}).encode(), JSON)])
    async with running_proxy(first, FakeProvider(message("second"))) as proxy:
        assert await complete_text(await proxy.post()) == "second"
        [account] = await proxy.ledger.wait_for_accounts(1)
    assert [attempt.reason for attempt in account.attempts] == [Reason.MALFORMED, None]
