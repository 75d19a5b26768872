"""Wherever a client's bytes are cut, the parser gets one request at a time, and all of it."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.net.request_framing import RequestFraming

CHUNKED = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n\r\n\r\r\n4\r\n\r\n\r\n\r\n0\r\nA: b\r\n\r\n"
REQUESTS = (b"GET / HTTP/1.1\r\n\r\n", b"\r\n\r\nGET / HTTP/1.1\r\nA: b\r\n\r\n", CHUNKED)
SIZED = b"POST / HTTP/1.1\r\nContent-Length: 12\r\n\r\n"
SIZED_BODY = b"\r\n\r\n\r\n\r\n\r\n\r\n"


def pieces_of(sent: list[bytes], cuts: list[int]) -> list[bytes]:
    """Cut requests anywhere, and return the pieces that the parser gets."""
    framing, data, pieces = RequestFraming(), b"".join(sent), list[bytes]()
    places = sorted({0, len(data), *(cut % len(data) for cut in cuts)})
    seen = 0
    for place, following in itertools.pairwise(places):
        received, start = data[place:following], 0
        while start < len(received):
            end = framing.next_piece(received, start)
            assert end > start
            pieces.append(received[start:end])
            seen += end - start
            start = end
            if data[:seen].endswith(SIZED):
                framing.expect_body(len(SIZED_BODY))
    return pieces


@given(
    st.lists(st.sampled_from((*REQUESTS, SIZED + SIZED_BODY)), min_size=1, max_size=6),
    st.lists(st.integers(0, 2000), max_size=30),
)
def test_a_piece_ends_wherever_a_request_ends(sent: list[bytes], cuts: list[int]) -> None:
    pieces = pieces_of(sent, cuts)
    assert b"".join(pieces) == b"".join(sent)
    ends, total = set[int](), 0
    for piece in pieces:
        total += len(piece)
        ends.add(total)
    total = 0
    for request in sent:
        total += len(request)
        assert total in ends


def test_a_request_that_comes_at_once_is_one_piece_for_its_head_and_one_for_its_body() -> None:
    body = b"x" * len(SIZED_BODY)
    assert pieces_of([SIZED + body, SIZED + body], []) == [SIZED, body, SIZED, body]
