from __future__ import annotations

from typing import Any

import pytest

from claude_proxy.core.adapt import Adapted
from claude_proxy.core.adaptation.thinking_blocks import NOTHING_LEFT, PLACEHOLDER
from claude_proxy.core.auth import Auth
from core.builders import adapted, compact, provider, read

OWNERS = {"own": provider("minimax").upstream, "theirs": provider("zai").upstream}
TEXT: dict[str, Any] = {"type": "text", "text": "Hi."}
CALL: dict[str, Any] = {"type": "tool_use", "id": "t1", "name": "Read", "input": {}}
RESULT: dict[str, Any] = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "x"}]}
NO_TEXT = {"type": "text", "text": NOTHING_LEFT}
HELD = {"type": "thinking", "thinking": PLACEHOLDER, "signature": ""}


def thought(signature: str | None, text: str = "Hm.") -> dict[str, Any]:
    return {"type": "thinking", "thinking": text, **({} if signature is None else {"signature": signature})}


def hidden(data: str) -> dict[str, Any]:
    return {"type": "redacted_thinking", "data": data}


def sent(*blocks: Any, **how: Any) -> Adapted:
    messages = [{"role": "user", "content": "say hi"}, {"role": "assistant", "content": [*blocks]}]
    return adapted({"messages": messages}, owner_of=OWNERS.get, **how)


def kept(*blocks: Any, **how: Any) -> Any:
    return read(sent(*blocks, **how))["messages"][1]["content"]


def test_drops_thinking_of_other_providers() -> None:
    blocks = [thought("own"), thought("theirs"), hidden("own"), hidden("theirs"), thought("unknown"), TEXT, CALL]
    result = sent(*blocks)
    assert read(result)["messages"][1]["content"] == [thought("own"), hidden("own"), thought("unknown"), TEXT, CALL]
    assert result.changes == ("thinking:foreign*2",)


@pytest.mark.parametrize("block", [thought("own"), thought("unknown"), thought(""), thought(None), hidden("own"), TEXT])
def test_keeps_all_other_thinking_byte_for_byte(block: Any) -> None:
    body = compact({"model": "claude-opus-5-5", "messages": [{"role": "assistant", "content": [block, TEXT]}]})
    assert adapted(body, owner_of=OWNERS.get).body is body


@pytest.mark.parametrize("block", [thought(""), thought(None), thought("theirs"), hidden(""), thought("a\\b\u00e9")])
def test_sends_no_thinking_without_a_signature_if_they_are_checked(block: Any) -> None:
    welcome = block == thought("a\\b\u00e9")
    assert kept(block, TEXT, checks_signatures=True) == ([block, TEXT] if welcome else [TEXT])
    assert kept(thought("own"), block, checks_signatures=True) == [thought("own"), *([block] if welcome else [])]


@pytest.mark.parametrize("auth", [Auth.CLIENT, Auth.BEARER])
def test_an_emptied_message_says_so(auth: Auth) -> None:
    assert kept(thought("theirs"), hidden("theirs"), auth=auth) == [NO_TEXT]


@pytest.mark.parametrize(
    ("refused", "left"),
    [
        ("thinking:unknown", [thought("own"), hidden("own"), TEXT]),
        ("thinking:all", [TEXT]),
        ("block:thinking", [TEXT]),
        ("block:redacted_thinking", [thought("own"), thought("unknown"), thought(""), TEXT]),
    ],
)
def test_drops_more_if_more_is_rejected(refused: str, left: list[Any]) -> None:
    blocks = [thought("own"), thought("unknown"), thought(""), hidden("own"), TEXT]
    assert kept(*blocks, rejects=[refused]) == left


def test_drops_all_thinking_even_if_no_owner_is_known() -> None:
    for refused in ("thinking:all", "block:thinking"):
        sent = {"messages": [{"role": "assistant", "content": [thought("own"), TEXT]}]}
        assert read(adapted(sent, rejects=[refused]))["messages"][0]["content"] == [TEXT]
        assert kept(thought("own"), TEXT, rejects=[refused]) == [TEXT]


def test_only_rules_about_thinking_apply_to_the_clients_own_login() -> None:
    assert kept(thought("unknown"), TEXT, rejects=["thinking:unknown"], auth=Auth.CLIENT) == [TEXT]
    assert kept(hidden("unknown"), TEXT, rejects=["block:redacted_thinking"], auth=Auth.CLIENT) == [
        hidden("unknown"),
        TEXT,
    ]


@pytest.mark.parametrize(
    ("blocks", "left"),
    [
        ([thought("theirs"), CALL], [thought("theirs"), CALL]),
        ([thought("own"), CALL], [thought("own"), CALL]),
        ([TEXT, CALL], [HELD, TEXT, CALL]),
        ([thought("theirs", " "), CALL], [HELD, CALL]),
        ([thought("own", ""), CALL], [HELD, thought("own", ""), CALL]),
        ([hidden("theirs"), thought("theirs"), CALL], [thought("theirs"), CALL]),
        ([thought("theirs"), TEXT], [TEXT]),
    ],
)
def test_keeps_any_thinking_beside_a_call_if_it_is_required(blocks: list[Any], left: list[Any]) -> None:
    assert kept(*blocks, thinking_on_tool_turns=True) == left


def test_drops_required_thinking_if_all_is_rejected() -> None:
    assert kept(thought("own"), CALL, thinking_on_tool_turns=True, rejects=["thinking:all"]) == [CALL]


def test_inserts_placeholders_only_if_they_are_required() -> None:
    assert kept(thought("theirs"), CALL) == [CALL]
    assert sent(TEXT, CALL, thinking_on_tool_turns=True).changes == ("thinking:placeholder",)


@pytest.mark.parametrize(
    "message",
    [
        b'{"role":"assistant","content":[{"type":"thinking","thinking":"Hm.","signature": "theirs"},%b]}',
        b'{"role":"assistant","content":[{"signature":"theirs","thinking":"Hm.","type":"thinking"},%b]}',
        b'{"content":[{"type":"thinking","thinking":"Hm.","signature":"theirs"},%b],"role":"assistant"}',
        b'{ "role":"assistant","content":[{"type":"thinking","thinking":"Hm.","signature":"\\u0074heirs"},%b]}',
    ],
)
def test_finds_it_however_it_is_written(message: bytes) -> None:
    body = b'{"model":"claude-opus-5-5","messages":[%b]}' % (message % compact(TEXT))
    (given,) = read(adapted(body, owner_of=OWNERS.get))["messages"]
    assert given == {"role": "assistant", "content": [TEXT]}


def test_writes_only_messages_that_change() -> None:
    user, good = (
        '{"role":"user","content":"\\u00e9"}',
        '{"role":"assistant","content":[{"type":"text","text":"\\u00e9"}]}',
    )
    bad = compact({"role": "assistant", "content": [thought("theirs"), TEXT], "x": 1.10}).decode()
    body = f'{{"model":"claude-opus-5-5","messages":[{user},{good},{bad}]}}'.encode()
    expected = f'{user},{good},{{"role":"assistant","content":[{compact(TEXT).decode()}],"x":1.1}}'
    assert adapted(body, owner_of=OWNERS.get).body == b'{"model":"claude-opus-5-5","messages":[%b]}' % expected.encode()


MANUAL = {"type": "enabled", "budget_tokens": 2000}
CLEARING = {"edits": [{"type": "clear_thinking_20251015"}]}


@pytest.mark.parametrize(
    ("last", "thinks"),
    [
        ([thought("theirs"), CALL], False),
        ([thought("theirs"), TEXT, CALL], False),
        ([thought("theirs"), thought("own"), CALL], True),
        ([thought("theirs"), TEXT], True),
        ([TEXT, CALL], True),
    ],
)
def test_drops_the_thinking_field_if_the_last_call_lost_its_thinking(last: list[Any], *, thinks: bool) -> None:
    messages = [
        {"role": "assistant", "content": [thought("theirs"), TEXT]},
        {"role": "assistant", "content": last},
        RESULT,
    ]
    body = {"thinking": MANUAL, "context_management": CLEARING, "messages": messages}
    result = adapted(body, owner_of=OWNERS.get, checks_signatures=True)
    assert ("thinking" in read(result)) is thinks
    assert ("context_management" in read(result)) is thinks
    assert ("thinking:enabled>none" in result.changes) is not thinks


@pytest.mark.parametrize(
    ("thinking", "traits"),
    [(MANUAL, {}), ({"type": "adaptive"}, {"checks_signatures": True}), (7, {"checks_signatures": True})],
)
def test_keeps_the_thinking_field_elsewhere_and_in_other_modes(thinking: Any, traits: dict[str, Any]) -> None:
    messages = [{"role": "assistant", "content": [thought("theirs"), CALL]}, RESULT]
    result = adapted({"thinking": thinking, "messages": messages}, owner_of=OWNERS.get, **traits)
    assert read(result)["thinking"] == thinking


def test_keeps_the_thinking_field_without_a_message_of_the_assistant() -> None:
    messages = [{"role": "system", "content": "x"}, {"role": "user", "content": "y"}]
    result = adapted({"thinking": MANUAL, "messages": messages}, rejects=["role:system"], checks_signatures=True)
    assert read(result)["thinking"] == MANUAL
