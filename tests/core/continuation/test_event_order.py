from __future__ import annotations

import pytest

from claude_proxy.core import sse
from claude_proxy.core.continuation.event_order import EventOrder
from core.continuation.answers import Text, Thinking, ToolCall, event, message_start, stream_of

EVENTS = stream_of([Thinking(["I think"]), Text(["All ", "of it."]), ToolCall("call", ["{}"])])
PING = b": a comment\n\n" + event("ping")


def fed(*blocks: bytes) -> bytes:
    order = EventOrder()

    def in_place(piece: bytes, whole: bytes) -> bytes:
        read = sse.parse(piece)
        return whole if read is None or order.is_in_place(read.data) else b""

    return b"".join(sse.rewrite(block, in_place) for block in blocks)


@pytest.mark.parametrize("blocks", [EVENTS, [b"".join(EVENTS)]], ids=["event by event", "at once"])
def test_a_well_formed_stream_passes_unchanged(blocks: list[bytes]) -> None:
    assert fed(*blocks, PING) == b"".join(EVENTS) + PING


@pytest.mark.parametrize("at", [at for at, each in enumerate(EVENTS) if b"content_block_stop" in each])
def test_a_second_end_of_a_block_is_left_out(at: int) -> None:
    twice = [*EVENTS[: at + 1], EVENTS[at], *EVENTS[at + 1 :]]
    assert fed(*twice) == fed(b"".join(twice)) == b"".join(EVENTS)


def test_the_end_of_a_block_that_never_began_is_left_out() -> None:
    assert fed(*EVENTS[:3], event("content_block_stop", index=7), *EVENTS[3:]) == b"".join(EVENTS)


def test_a_second_beginning_is_left_out() -> None:
    assert fed(EVENTS[0], *EVENTS[:4], message_start(99), *EVENTS[4:]) == b"".join(EVENTS)


def test_blocks_that_overlap_pass() -> None:
    starts = [event("content_block_start", index=at, content_block={"type": "text", "text": ""}) for at in (0, 1)]
    stops = [event("content_block_stop", index=at) for at in (0, 1)]
    stream = [message_start(), *starts, *stops]
    assert fed(*stream) == b"".join(stream)


def test_an_event_that_does_not_read_passes() -> None:
    broken = b"event: content_block_start\ndata: {oops\n\n"
    assert fed(message_start(), broken) == message_start() + broken


def test_says_whether_a_call_has_begun() -> None:
    order = EventOrder()
    for each in EVENTS:
        read = sse.parse(each[:-2])
        assert read
        assert order.is_in_place(read.data)
        assert order.begins_call is (b'"tool_use"' in each and b"content_block_start" in each)
        order.begins_call = False
