from __future__ import annotations

import itertools

import pytest

from claude_proxy.core.continuation import tool_call_hold
from claude_proxy.core.continuation.continued_answer import ContinuedAnswer
from claude_proxy.core.continuation.tool_call_hold import ToolCallHold
from claude_proxy.core.messages import PING
from core.builders import request
from core.continuation.answers import Text, ToolCall, event, message_end, message_start, stream_of

CALL = ToolCall("Write", ['{"path":"a', '.txt"}'])
BROKEN = ToolCall("Write", ['{"path":"a', ".txt"])


def events_of(call: ToolCall, index: int = 0) -> list[bytes]:
    return list(call.events(index))


def test_text_passes_at_once_and_untouched() -> None:
    hold = ToolCallHold()
    for each in stream_of([Text(["a tool_use in a text", " and content_block_stop"])]):
        assert hold.feed(each) == each
        assert not hold.holding


def test_a_tool_call_is_passed_on_when_it_is_whole() -> None:
    hold, events = ToolCallHold(), events_of(CALL)
    for each in events[:-1]:
        assert hold.feed(each) == b""
        assert hold.holding
    assert hold.feed(events[-1]) == b"".join(events)
    assert not hold.holding


@pytest.mark.parametrize("holds", [True, False])
def test_tells_how_much_is_held(holds: bool) -> None:
    answer, events = ContinuedAnswer(request(b'{"model":"m"}'), holds_tool_calls=holds), events_of(CALL)
    sizes = [answer.held_bytes]
    for each in events:
        answer.take(each)
        sizes.append(answer.held_bytes)
    growing = [*itertools.accumulate(map(len, events[:-1]), initial=0), 0]
    assert sizes == (growing if holds else [0] * len(growing))


def test_what_comes_before_a_call_in_one_block_passes_and_what_comes_behind_it_waits() -> None:
    hold, events = ToolCallHold(), events_of(CALL)
    assert hold.feed(message_start() + events[0]) == message_start()
    unknown = event("something_new", note=1)
    assert hold.feed(unknown) == b""
    assert hold.feed(b"".join(events[1:]) + message_end()) == events[0] + unknown + b"".join(events[1:]) + message_end()


def test_pings_pass_a_call_that_is_held() -> None:
    hold = ToolCallHold()
    hold.feed(events_of(CALL)[0])
    assert hold.feed(PING) == PING


def test_two_calls_in_one_block_are_both_passed_on() -> None:
    both = b"".join([*events_of(CALL, 0), *events_of(CALL, 1)])
    assert ToolCallHold().feed(both) == both


def test_a_call_without_input_is_whole() -> None:
    call = b"".join(events_of(ToolCall("Now", [])))
    assert ToolCallHold().feed(call) == call


def test_an_event_that_is_no_json_waits_with_the_call() -> None:
    hold, events = ToolCallHold(), events_of(CALL)
    hold.feed(events[0])
    assert hold.feed(b"event: x\ndata: {half\n\n") == b""


def test_a_delta_of_another_block_is_no_part_of_the_input() -> None:
    hold, events = ToolCallHold(), events_of(CALL)
    hold.feed(events[0])
    hold.feed(event("content_block_delta", index=7, delta={"type": "text_delta", "text": "x"}))
    hold.feed(event("content_block_stop", index=7))
    assert hold.holding
    assert hold.feed(b"".join(events[1:]))


@pytest.mark.parametrize(
    "behind",
    [
        message_end("tool_use"),
        message_end("end_turn"),
        events_of(CALL, 1)[0],
        event("message_stop"),
        event("message_delta"),
    ],
)
def test_a_call_whose_input_is_no_json_is_broken(behind: bytes) -> None:
    hold = ToolCallHold()
    text = b"".join(Text(["before"]).events(0))
    assert hold.feed(text + b"".join(events_of(BROKEN, 1))) == text
    assert not hold.broken
    assert hold.feed(behind) == b""
    assert hold.broken


@pytest.mark.parametrize("stop_reason", ["max_tokens", "refusal", "pause_turn", "model_context_window_exceeded"])
def test_a_call_that_the_model_itself_left_unfinished_is_passed_on(stop_reason: str) -> None:
    whole = b"".join(events_of(BROKEN)) + message_end(stop_reason)
    assert ToolCallHold().feed(whole) == whole


def test_a_whole_call_that_was_not_ended_is_passed_on_with_the_end_of_the_answer() -> None:
    whole = b"".join(events_of(CALL)[:-1]) + message_end("tool_use")
    assert ToolCallHold().feed(whole) == whole


def test_a_call_that_is_too_long_is_passed_on_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool_call_hold, "MAX_HELD_BYTES", 500)
    hold, events = ToolCallHold(), events_of(ToolCall("Write", ["x" * 100, "y" * 100, "z"]))
    assert [hold.feed(each) for each in events[:3]] == [b"", b"", b"".join(events[:3])]
    assert hold.feed(events[3]) == events[3]
    assert hold.feed(b"".join(events_of(BROKEN, 1))) == b"".join(events_of(BROKEN, 1))


def test_a_call_behind_too_long_a_call_in_the_same_block_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool_call_hold, "MAX_HELD_BYTES", 300)
    whole = b"".join([*events_of(ToolCall("Write", ["x" * 300, "y" * 100])), *events_of(CALL, 1)])
    assert ToolCallHold().feed(whole) == whole


def test_tokens_that_are_told_within_a_call_do_not_end_it() -> None:
    told = event("message_delta", delta={"stop_reason": None}, usage={"output_tokens": 3})
    first, *rest = events_of(CALL, 1)
    hold = ToolCallHold()
    assert hold.feed(first + told + event("message_delta")) == b""
    assert hold.feed(b"".join(rest)) == first + told + event("message_delta") + b"".join(rest)
    assert not hold.broken
