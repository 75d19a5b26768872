from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from claude_proxy.core import sse
from claude_proxy.core.json_values import MAX_VALUES
from claude_proxy.core.memory_budget import NOT_COUNTED, MemoryBudget, OverBudgetError
from claude_proxy.core.sse import MAX_LINES, EventTooLargeError, ServerSentEvent, SSEDecoder, parse, places, split
from core.builders import events

LINE_ENDS = [b"\n", b"\r\n", b"\r"]
BLANK_LINE = re.compile(rb"\n\n|\n\r|\r\r")
LINE_END = re.compile(rb"\r\n|\n|\r")
FIELDS = [b"data: x", b"data:", b"data", b"event: ping", b": a comment", b"id: 7", b"why"]


@st.composite
def made(draw: st.DrawFn) -> bytes:
    """Return a stream whose lines end in one way, or in all of them."""
    ends = st.sampled_from(draw(st.sampled_from([*([end] for end in LINE_ENDS), LINE_ENDS])))
    lines = st.tuples(st.sampled_from([*FIELDS, b"", b""]), ends).map(b"".join)
    return b"".join(draw(st.lists(lines, max_size=20))) + draw(st.sampled_from(FIELDS))


streams = made()
cuts = st.lists(st.integers(min_value=1, max_value=12), max_size=40)


def as_the_standard_reads(stream: bytes) -> list[ServerSentEvent]:
    """Read a stream line by line, as WHATWG tells it; what is not closed by a blank line is no event yet."""
    read, block = list[ServerSentEvent](), list[bytes]()
    for line in LINE_END.split(stream)[:-1]:
        if line:
            block.append(line)
            continue
        if event := parse(b"\n".join(block)):
            read.append(event)
        block = []
    return read


def chunks(stream: bytes, sizes: list[int]) -> Iterator[bytes]:
    start = 0
    for size in sizes:
        yield stream[start : start + size]
        start += size
    yield stream[start:]


@example(b"\n\ndata", [1])
@given(streams, cuts)
def test_a_stream_cut_anywhere_gives_the_same_bytes_and_the_same_events_as_soon_as_they_are_whole(
    stream: bytes, sizes: list[int]
) -> None:
    decoder, fed, passed, read = SSEDecoder(), b"", b"", list[ServerSentEvent]()
    for chunk in chunks(stream, sizes):
        fed += chunk
        block = decoder.feed(chunk)
        passed += block
        read += events(block)
        assert passed + decoder.rest == fed
        assert BLANK_LINE.search(decoder.rest) is None
        assert read == as_the_standard_reads(fed)


@pytest.mark.parametrize("end", LINE_ENDS)
@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_every_line_end_closes_an_event(end: bytes, size: int) -> None:
    stream = end.join([b"event: ping", b"data: {}", b"", b"data: 1", b"data: 2", b"", b"data: not closed"])
    decoder, blocks = SSEDecoder(), list[bytes]()
    for start in range(0, len(stream), size):
        blocks.append(decoder.feed(stream[start : start + size]))
    assert [event for block in blocks for event in events(block)] == [
        ServerSentEvent("ping", b"{}"),
        ServerSentEvent("", b"1\n2"),
    ]
    assert decoder.rest.strip() == b"data: not closed"


@pytest.mark.parametrize("end", LINE_ENDS)
def test_does_not_cut_a_line_end_of_two_bytes(end: bytes) -> None:
    decoder = SSEDecoder()
    assert decoder.feed(b"data: 1" + end + end + b"x") == b"data: 1" + end + end
    assert decoder.rest == b"x"


def test_a_short_event_behind_a_long_one_is_not_overlooked() -> None:
    decoder = SSEDecoder()
    assert decoder.feed(b"data: a long one") == b""
    assert decoder.feed(b"\n\n: x") == b"data: a long one\n\n"
    assert decoder.feed(b"\n\n: y") == b": x\n\n"


def test_passes_whole_events_on_byte_for_byte() -> None:
    block = b"event: ping\ndata: {}\n\n"
    assert SSEDecoder().feed(block) is block


@pytest.mark.parametrize("end", LINE_ENDS)
@pytest.mark.parametrize("words", [(b"x", b"ping"), (b"ping", b"absent", b"x")])
def test_finds_the_events_with_a_word_in_a_long_block(end: bytes, words: tuple[bytes, ...]) -> None:
    lines = [b"data: 1", b"", b"data: x", b"", b"data: 2", b"", b"event: ping", b"data: 3", b"", b""]
    found = [parse(piece) for piece, _, _ in places(end.join(lines), *words)]
    assert found == [ServerSentEvent("", b"x"), ServerSentEvent("ping", b"3")]


@given(streams)
def test_finds_the_events_with_a_word_among_all_others(stream: bytes) -> None:
    block, words = SSEDecoder().feed(stream), (b"x", b"ping", b"absent")
    found = places(block, *words)
    pieces = [piece for piece, _, _ in found]
    assert all(block[start:behind].startswith(piece) for piece, start, behind in found)
    assert all(any(word in piece for word in words) for piece in pieces)
    read = [event for piece in pieces if (event := parse(piece))]
    assert [event for event in read if holds(event, words)] == [event for event in events(block) if holds(event, words)]


@given(streams, st.integers(min_value=0, max_value=5))
def test_finds_the_same_events_from_a_later_one_on(stream: bytes, number: int) -> None:
    block, words = SSEDecoder().feed(stream), (b"x", b"ping", b"absent")
    start = [0, *(behind for _, behind in split(block))][: number + 1][-1]
    assert places(block, *words, start=start) == [place for place in places(block, *words) if place[1] >= start]
    assert places(block, start=start) == [place for place in places(block) if place[1] >= start]


def holds(event: ServerSentEvent, words: tuple[bytes, ...]) -> bool:
    return any(word in event.name.encode() + event.data for word in words)


@given(streams)
def test_split_says_where_the_next_event_begins(stream: bytes) -> None:
    block, start = SSEDecoder().feed(stream), 0
    for piece, behind in split(block):
        assert block[start:].startswith(piece)
        assert LINE_END.split(block[start + len(piece) : behind]) == [b"", b"", b""]
        start = behind
    assert not block[start:].strip(b"\r\n")


@pytest.mark.parametrize(
    ("piece", "event"),
    [
        (b"event: ping\ndata: {}", ServerSentEvent("ping", b"{}")),
        (b"event:ping\ndata:{}", ServerSentEvent("ping", b"{}")),
        (b"data:  two spaces", ServerSentEvent("", b" two spaces")),
        (b"data: a: b", ServerSentEvent("", b"a: b")),
        (b"data: 1\r\ndata: 2\rdata: 3", ServerSentEvent("", b"1\n2\n3")),
        (b"data", ServerSentEvent("", b"")),
        (b"event: ping\nevent\ndata: x", ServerSentEvent("", b"x")),
        (b"datax: 1\neventual: 2\ndata: x", ServerSentEvent("", b"x")),
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


@pytest.mark.parametrize("end", LINE_ENDS)
def test_reads_no_more_lines_of_an_event_than_the_limit(end: bytes) -> None:
    event = parse(end.join([b"event: a", *[b"data: 1"] * 10_000]))
    assert event is not None
    assert event.name == "a"
    assert 0 < event.data.count(b"1") < MAX_LINES


@pytest.mark.parametrize("end", LINE_ENDS)
@pytest.mark.parametrize("before", [[], [b"event: a"], [b"event: a", b"data: 1"]])
@pytest.mark.parametrize("behind", [[], [b"data: 2"], [b"data: 2", b": event: c"]])
def test_the_name_of_an_event_counts_behind_however_many_lines(
    end: bytes, before: list[bytes], behind: list[bytes]
) -> None:
    for comments in (MAX_LINES - len(before), 10_000):
        event = parse(end.join([*before, *[b":"] * comments, b"event: b", *behind]))
        assert event is not None
        assert event.name == "b"


def test_an_event_of_more_values_than_are_read_at_once_is_too_large() -> None:
    with pytest.raises(EventTooLargeError):
        SSEDecoder().feed(b"data: [" + b"[]," * (MAX_VALUES // 2 + 1) + b"1]\n\n:")
    plain = b'data: "' + b"n" * (2 * MAX_VALUES) + b'"\n\n'
    assert SSEDecoder().feed(plain + b":") == plain


def test_does_not_wait_for_an_event_over_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 10)
    decoder = SSEDecoder()
    assert decoder.feed(b"data: 7890") == b""
    with pytest.raises(EventTooLargeError):
        decoder.feed(b"1")
    assert SSEDecoder().feed(b"data: as long as it is whole\n\n: x") == b"data: as long as it is whole\n\n"


def test_counts_what_it_keeps_and_what_it_returned_last() -> None:
    budget = MemoryBudget()
    decoder = SSEDecoder(budget.share())
    size = NOT_COUNTED // 2
    held = []
    for data in (
        b"a" * size,
        b"b" * size,
        b"c" * size,
        b"\n\nd",
        b"\n\n",
        b"e\n\n",
        b"f" * 3 * size + b"\n\n",
        b"g\n\n",
    ):
        decoder.feed(data)
        held.append(budget.held)
    assert held == [0, 0, 3 * size, 3 * size + 3, 0, 0, 3 * size + 2, 0]


def test_an_event_beyond_the_budget_is_an_error() -> None:
    decoder = SSEDecoder(MemoryBudget(2 * NOT_COUNTED).share())
    decoder.feed(b"a" * NOT_COUNTED)
    with pytest.raises(OverBudgetError):
        decoder.feed(b"a" * 2 * NOT_COUNTED)
