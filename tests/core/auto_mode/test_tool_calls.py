from __future__ import annotations

import pytest

from claude_proxy.core.auto_mode import tool_calls
from claude_proxy.core.auto_mode.tool_calls import ToolCall, ToolCalls
from core.continuation import answers
from core.continuation.answers import Text, event, stream_of


def read(*blocks: bytes) -> list[ToolCall]:
    calls = ToolCalls()
    for block in blocks:
        calls.read(block)
    return calls.calls


def test_calls_are_read_whole_however_their_events_come() -> None:
    events = stream_of(
        [Text(["text"]), answers.ToolCall("Bash", ['{"command":', '"ls"}']), answers.ToolCall("Now", [])]
    )
    expected = [ToolCall("toolu_Bash", "Bash", '{"command":"ls"}'), ToolCall("toolu_Now", "Now")]
    assert read(*events) == expected
    assert read(b"".join(events)) == expected


def test_an_input_that_comes_with_the_start_counts() -> None:
    block = {"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "ls"}}
    assert read(event("content_block_start", index=0, content_block=block))[0].input == '{"command": "ls"}'


def test_what_is_no_event_of_a_call_is_skipped() -> None:
    start = event("content_block_start", index=0, content_block={"type": "tool_use", "id": "t", "name": "n"})
    stray = event("content_block_delta", index=9, delta={"partial_json": "x"})
    calls = read(start + b": comment\n\n" + b"data: {half\n\n" + stray + event("content_block_stop", index=0))
    assert calls == [ToolCall("t", "n")]


def test_an_input_that_is_too_long_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool_calls, "MAX_INPUT_CHARS", 10)
    [call] = read(*answers.ToolCall("Write", ["x" * 8, "y" * 8, "z"]).events(0))
    assert (call.too_long, len(call.input)) == (True, 8)
