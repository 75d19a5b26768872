from __future__ import annotations

import re
from typing import Any

import pytest

from claude_proxy.core.adaptation.call_ids import plain_id
from claude_proxy.core.auth import Auth
from core.builders import adapted, read

ODD = "functions.Bash:0"


def messages(*ids: str) -> list[dict[str, Any]]:
    """Return a conversation with these calls, and their results."""
    calls = [{"type": "tool_use", "id": one, "name": "Bash", "input": {"id": ODD}} for one in ids]
    results = [{"type": "tool_result", "tool_use_id": one, "content": [{"type": "text", "text": ODD}]} for one in ids]
    return [
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": [{"type": "text", "text": "so"}, *calls]},
        {"role": "user", "content": results},
    ]


@pytest.mark.parametrize("given", ["toolu_01Aq9", "call-1", "a", "0_-"])
def test_keeps_a_plain_id(given: str) -> None:
    assert plain_id(given) == given


@pytest.mark.parametrize("given", [ODD, "Bash:0", "a|b", "a b", "Größe", "\ud800", "x" * 400 + "."])
def test_makes_a_distinct_plain_id_of_an_odd_one(given: str) -> None:
    plain = plain_id(given)
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", plain)
    assert plain_id(plain) == plain
    assert len({plain, plain_id(f"{given}:"), plain_id(given.replace(":", "."))}) == (3 if ":" in given else 2)


@pytest.mark.parametrize(
    "to", [{"is_anthropic": True}, {"checks_signatures": True}, {"plain_call_ids": True}, {"auth": Auth.CLIENT}]
)
def test_keeps_call_and_result_a_pair_for_providers_of_claude(to: dict[str, Any]) -> None:
    result = adapted({"messages": messages(ODD, "toolu_1", "Bash:1")}, **to)
    assert read(result)["messages"] == messages(plain_id(ODD), "toolu_1", plain_id("Bash:1"))
    assert result.changes == ("call-id*4",)


def test_changes_no_id_for_other_providers() -> None:
    assert adapted({"messages": messages(ODD)}).changes == ()


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"claude-opus-5-5","messages":[{"content":[{"tool_use_id" : "a","type":"tool_result"}]}]}',
        b'{"model":"claude-opus-5-5","messages":[{"content":[{"tool_use_id":"\\u0061","type":"tool_result"}]}]}',
        b'{"model":"claude-opus-5-5","messages":[{"content":[{"tool_use_id":7,"type":"tool_result"}]}, 8]}',
        b'{"model":"claude-opus-5-5","messages":{"tool_use_id":"a.b"}}',
        b'{"model":"claude-opus-5-5","metadata":{"tool_use_id":"a.b"}}',
    ],
)
def test_keeps_messages_without_odd_ids_byte_for_byte(body: bytes) -> None:
    assert adapted(body, is_anthropic=True).body == body


def test_writes_only_messages_with_odd_ids() -> None:
    kept = b'{"role":"user","content":[{"type":"tool_result","tool_use_id" : "a"}]}'
    call = b'{"role":"assistant","content":[{"type":"tool_use","id":"%b"}]}'
    result = b'{"role":"user","content":[{"type":"tool_result","tool_use_id":"%b"}]}'
    body = b'{"model":"claude-opus-5-5","messages":[' + b",".join((call, kept, call, result, kept)) + b"]}"
    plain = plain_id("a:1").encode()
    assert adapted(body % (b"a", b"a:1", b"a:1"), is_anthropic=True).body == body % (b"a", plain, plain)


@pytest.mark.parametrize("member", [b'"id" : "a:1"', b'"id":"a:1"', b'"id":"\\u0061:1"'])
def test_finds_it_however_it_is_written(member: bytes) -> None:
    call = b'{"role":"assistant","content":[{"type":"tool_use",%b}]}' % member
    body = b'{"model":"claude-opus-5-5","messages":[%b]}' % call
    [message] = read(adapted(body, is_anthropic=True))["messages"]
    assert message["content"][0]["id"] == plain_id("a:1")


def test_a_result_follows_its_call_whatever_the_order_of_the_members() -> None:
    question, call, result = messages(ODD)
    turned = dict(reversed(call.items()))
    assert list(turned) == ["content", "role"]
    assert read(adapted({"messages": [question, turned, result]}, is_anthropic=True))["messages"] == messages(
        plain_id(ODD)
    )
