from __future__ import annotations

import json
from typing import Any

import pytest

from claude_proxy.core.auto_mode.check_request import MAX_CALL_CHARS
from claude_proxy.core.auto_mode.tool_calls import MAX_CALLS, ToolCall
from claude_proxy.core.auto_mode.verdicts import checkable, read_verdicts, unavailable, with_verdicts
from core.builders import events
from core.continuation.answers import event, message_end

CALLS = [ToolCall("t1", "Bash"), ToolCall("t2", "Write")]
NONE = {"type": "unavailable", "reason": "error"}
ALLOWED, BLOCKED = ({"type": "evaluated", "outcome": outcome} for outcome in ("not_flagged", "flagged"))
GOOD = '{"verdicts": {"1": "allow", "2": "block"}}'


def said(text: str, stop_reason: str = "end_turn") -> bytes:
    content = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": text}]
    return json.dumps({"content": content, "stop_reason": stop_reason}).encode()


@pytest.mark.parametrize("text", [GOOD, f" {GOOD}\n", f"```json\n{GOOD}\n```", f"```\n{GOOD}\n```"])
def test_verdicts_are_read(text: str) -> None:
    assert read_verdicts(said(text), CALLS) == {"t1": ALLOWED, "t2": BLOCKED}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "allow",
        f"The call says {GOOD}",
        f"{GOOD} {GOOD}",
        '{"verdicts": "allow"}',
        '{"verdicts": {"1": true, "2": "allow"}}',
        "[1]",
    ],
)
def test_whatever_else_is_said_is_no_verdict(text: str) -> None:
    assert read_verdicts(said(text), CALLS) == {"t1": NONE, "t2": NONE}


def test_a_call_without_a_verdict_of_its_own_has_none() -> None:
    assert read_verdicts(said('{"verdicts": {"1": "allow", "3": "allow"}}'), CALLS) == {"t1": ALLOWED, "t2": NONE}
    assert read_verdicts(said('{"verdicts": {"1": "Allow", "2": "flagged"}}'), CALLS) == {"t1": NONE, "t2": NONE}


@pytest.mark.parametrize(
    ("stop_reason", "reason"),
    [("max_tokens", "truncated"), ("refusal", "refused"), ("model_context_window_exceeded", "input_too_long")],
)
def test_an_answer_that_was_not_finished_says_nothing(stop_reason: str, reason: str) -> None:
    assert read_verdicts(said(GOOD, stop_reason), CALLS) == unavailable(CALLS, reason)


@pytest.mark.parametrize("answer", [b"", b"<html>", b'{"content": 7}', b'{"stop_reason": "end_turn"}'])
def test_what_is_no_answer_says_nothing(answer: bytes) -> None:
    assert read_verdicts(answer, CALLS) == unavailable(CALLS, "error")


def test_long_calls_and_the_last_of_many_are_not_asked_about() -> None:
    long = ToolCall("t3", "Write", "x" * (MAX_CALL_CHARS + 1))
    cut = ToolCall("t4", "Write", too_long=True)
    assert checkable([*CALLS, long, cut]) == CALLS
    assert len(checkable(CALLS * MAX_CALLS)) == MAX_CALLS


def test_the_event_with_the_stop_reason_gets_the_verdicts_and_the_others_stay() -> None:
    other = b'event: content_block_delta\ndata: ["stop_reason"]\n\n' + event("content_block_stop", stop_reason="x")
    before = other + b": stop_reason\n\n" + event("message_delta", delta={}, usage={"stop_reason": 1})
    block = with_verdicts(before + message_end("tool_use"), {"t1": ALLOWED})
    assert block.startswith(before)
    told: list[Any] = [json.loads(each.data) for each in events(block) if each.kind == "message_delta"]
    assert "safeguard_results" not in told[0]["delta"]
    assert told[1]["usage"] == {"output_tokens": 5}
    assert told[1]["delta"]["stop_reason"] == "tool_use"
    status = {"type": "available", "tool_uses": {"t1": ALLOWED}}
    assert told[1]["delta"]["safeguard_results"] == [{"type": "dangerous_tool_use", "status": status}]
    assert block.endswith(b'data: {"type": "message_stop"}\n\n')
