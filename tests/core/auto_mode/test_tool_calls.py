from __future__ import annotations

from typing import Any

import pytest

from claude_proxy.core.auto_mode import tool_calls
from claude_proxy.core.auto_mode.tool_calls import MAX_KEPT_CALLS, ToolCall, ToolCalls, without_content
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


def start(index: int = 0, **block: Any) -> bytes:
    return event("content_block_start", index=index, content_block={"type": "tool_use", "id": "t", "name": "n"} | block)


STOP = event("content_block_stop", index=0)
UNCLEAR: dict[str, bytes] = {
    "a call that has not ended": start(),
    "two calls of one id": start() + STOP + start(1) + event("content_block_stop", index=1),
    "two calls at one index": start() + start(id="u") + STOP,
    "a part behind its end": start() + STOP + event("content_block_delta", index=0, delta={"partial_json": "x"}),
    "a part that is no text": start() + event("content_block_delta", index=0, delta={"partial_json": 7}) + STOP,
    "an event that is not read": start() + b'data: {"index": "0"}\n\n' + STOP,
    "a block that is none": start() + event("content_block_start", index=1, content_block=7) + STOP,
    "an id that is no text": start(id=7) + STOP,
    "a name that is very long": start(name="n" * 2000) + STOP,
    "very many calls": b"".join(
        start(index, id=str(index)) + event("content_block_stop", index=index) for index in range(MAX_KEPT_CALLS + 1)
    ),
}


@pytest.mark.parametrize("block", UNCLEAR.values(), ids=UNCLEAR)
def test_what_the_client_may_read_in_another_way_is_unclear(block: bytes) -> None:
    calls = ToolCalls()
    calls.read(block)
    assert calls.unclear
    assert len(calls.calls) <= MAX_KEPT_CALLS


def test_what_is_read_as_the_client_reads_it_is_clear() -> None:
    calls = ToolCalls()
    calls.read(b"".join(answers.Thinking(["caf\xe9"]).events(0)))
    calls.read(event("content_block_delta", index=1, delta={"partial_json": None, "type": "text_delta", "id": None}))
    calls.read(b"event: ping\ndata: x\n\n" + start(0) + event("content_block_delta", index=0, delta={"id": 1}) + STOP)
    calls.read(b"".join(answers.ToolCall("Bash", ["{}"]).events(0)))
    assert not calls.unclear
    assert [call.name for call in calls.calls] == ["n", "Bash"]


def test_an_input_at_the_start_that_is_too_long_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool_calls, "MAX_INPUT_CHARS", 10)
    [call] = read(start(input={"text": "x" * 20}))
    assert (call.too_long, call.input) == (True, "")


def test_all_but_content_stays() -> None:
    rest = b": comment\n\n" + event("message_stop")
    assert without_content(start() + rest + STOP + b"data: {half\n\n") == rest
