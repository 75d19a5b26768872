from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.core import sse
from claude_proxy.core.sse import EventTooLargeError, ServerSentEvent, SSEDecoder, parse, split

LINE_ENDS = [b"\n", b"\r\n", b"\r"]
FIELDS = [b"data: x", b"data:", b"data", b"event: ping", b": a comment", b"id: 7", b"y"]

streams = st.lists(st.sampled_from([*LINE_ENDS, *FIELDS]), max_size=40).map(b"".join)
cuts = st.lists(st.integers(min_value=1, max_value=12), max_size=40)


def as_the_standard_reads(stream: bytes) -> list[ServerSentEvent]:
    """Read a stream line by line, as WHATWG tells it; what is not closed by a blank line is no event yet."""
    events, block = list[ServerSentEvent](), list[bytes]()
    for line in re.split(rb"\r\n|\n|\r", stream)[:-1]:
        if line:
            block.append(line)
            continue
        if event := parse(b"\n".join(block)):
            events.append(event)
        block = []
    return events


def chunks(stream: bytes, sizes: list[int]) -> Iterator[bytes]:
    start = 0
    for size in sizes:
        yield stream[start : start + size]
        start += size
    yield stream[start:]


def read(block: bytes) -> list[ServerSentEvent]:
    return [event for piece in split(block) if (event := parse(piece))]


@given(streams, cuts)
def test_a_stream_cut_anywhere_gives_the_same_bytes_and_the_same_events_as_soon_as_they_are_whole(
    stream: bytes, sizes: list[int]
) -> None:
    decoder, fed, passed, events = SSEDecoder(), b"", b"", list[ServerSentEvent]()
    for chunk in chunks(stream, sizes):
        fed += chunk
        block = decoder.feed(chunk)
        passed += block
        events += read(block)
        assert passed + decoder.rest == fed
        assert events == as_the_standard_reads(fed)


@pytest.mark.parametrize("end", LINE_ENDS)
@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_every_line_end_closes_an_event(end: bytes, size: int) -> None:
    stream = end.join([b"event: ping", b"data: {}", b"", b"data: 1", b"data: 2", b"", b"data: not closed"])
    decoder, blocks = SSEDecoder(), list[bytes]()
    for start in range(0, len(stream), size):
        blocks.append(decoder.feed(stream[start : start + size]))
    assert [event for block in blocks for event in read(block)] == [
        ServerSentEvent("ping", b"{}"),
        ServerSentEvent("", b"1\n2"),
    ]
    assert decoder.rest.strip() == b"data: not closed"


def test_whole_events_are_handed_on_as_the_very_bytes_that_came() -> None:
    block = b"event: ping\ndata: {}\n\n"
    assert SSEDecoder().feed(block) is block


@pytest.mark.parametrize(
    ("piece", "event"),
    [
        (b"event: ping\ndata: {}", ServerSentEvent("ping", b"{}")),
        (b"event:ping\ndata:{}", ServerSentEvent("ping", b"{}")),
        (b"data:  two spaces", ServerSentEvent("", b" two spaces")),
        (b"data: a: b", ServerSentEvent("", b"a: b")),
        (b"data: 1\r\ndata: 2\rdata: 3", ServerSentEvent("", b"1\n2\n3")),
        (b"data", ServerSentEvent("", b"")),
        (b"id: 1\nretry: 9\ndata: x", ServerSentEvent("", b"x")),
        (b"event: \xff\ndata: x", ServerSentEvent("\N{REPLACEMENT CHARACTER}", b"x")),
        (b"event: ping", None),
        (b": keep-alive", None),
        (b"", None),
    ],
)
def test_an_event_is_its_name_and_its_data(piece: bytes, event: ServerSentEvent | None) -> None:
    assert parse(piece) == event


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (ServerSentEvent("ping", b'{"type":"message_stop"}'), "ping"),
        (ServerSentEvent("", b'{"index":0,"type":"message_stop"}'), "message_stop"),
        (ServerSentEvent("", b'{"index":0}'), ""),
        (ServerSentEvent("", b'{"type":7}'), ""),
        (ServerSentEvent("", b"[DONE]"), ""),
    ],
)
def test_an_event_without_a_name_is_what_its_data_says(event: ServerSentEvent, kind: str) -> None:
    assert event.kind == kind


def test_an_event_over_the_limit_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 10)
    decoder = SSEDecoder()
    assert decoder.feed(b"data: 7890") == b""
    with pytest.raises(EventTooLargeError):
        decoder.feed(b"1")
    assert SSEDecoder().feed(b"data: as long as it is whole\n\n: x") == b"data: as long as it is whole\n\n"
