"""Where an answer begins and ends, and what of its head is passed on."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.net.upstream.head import MAX_HEAD_FIELDS
from claude_proxy.net.upstream.incoming_message import MAX_TAKEN_BYTES, IncomingMessage, UnansweredError
from claude_proxy.proxy.ports import Failure
from fakes.async_test import on_both_loops
from fakes.server import PATIENCE, FakeServer
from fakes.server_connection import ServerConnection
from net.upstream_client import always, ask, failure_of, fetch, open_transport, refusal, saying

OK = b"HTTP/1.1 200 OK\r\n"
HELLO = OK + b"content-length: 5\r\n\r\nhello"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nx-trailer: 1\r\n\r\n"
IN_CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"

KEPT = {
    "content-length": (HELLO, 200, b"hello"),
    "chunked": (CHUNKED, 200, b"hello"),
    "chunked in capitals": (OK + b"Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", 200, b""),
    "lines that end in LF": (b"HTTP/1.1 200 OK\ncontent-length: 5\n\nhello", 200, b"hello"),
    "no reason phrase and LF": (b"HTTP/1.1 200\ncontent-length: 5\n\nhello", 200, b"hello"),
    "a reason phrase that is not ASCII": (b"HTTP/1.1 200 Tr\xc3\xa8s\r\ncontent-length: 5\r\n\r\nhello", 200, b"hello"),
    "an empty line in front": (b"\r\n" + HELLO, 200, b"hello"),
    "blanks behind the size of a chunk": (
        OK + b"transfer-encoding: chunked\r\n\r\n5  \r\nhello\r\n0  \r\n\r\n",
        200,
        b"hello",
    ),
    "nothing": (OK + b"content-length: 0\r\n\r\n", 200, b""),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
    "304": (b"HTTP/1.1 304 Not Modified\r\n\r\n", 304, b""),
    "no reason phrase": (b"HTTP/1.1 529\r\ncontent-length: 1\r\n\r\n!", 529, b"!"),
    "after 100 and 103": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + HELLO,
        200,
        b"hello",
    ),
}

NOT_KEPT = {
    "connection: close": (OK + b"connection: close\r\ncontent-length: 5\r\n\r\nhello", 200, b"hello"),
    "length and chunks": (OK + b"content-length: 9\r\ntransfer-encoding: chunked\r\n\r\n" + IN_CHUNKS, 200, b"hello"),
    "chunks and length": (OK + b"transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n" + IN_CHUNKS, 200, b"hello"),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\nconnection: keep-alive\r\n\r\nhello", 200, b"hello"),
    "bytes behind the end": (HELLO + b"surplus", 200, b"hello"),
    "an answer behind the end": (HELLO + HELLO, 200, b"hello"),
    "the beginning of an answer behind the end": (HELLO + b"H", 200, b"hello"),
    "304 that announces a body": (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", 304, b""),
    "204 that has a body": (
        b"HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        204,
        b"",
    ),
}

MALFORMED = {
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "HTTP/2 alone": b"HTTP/2.0 200 OK\r\n\r\n",
    "HTTP/0.9": b"HTTP/0.9 200 OK\r\n\r\n",
    "bad status": b"HTTP/1.1 2x0 OK\r\n\r\n",
    "bad header name": OK + b"a b: c\r\n\r\n",
    "NUL in a value": OK + b"a: b\0c\r\n\r\n",
    "CR in a value": OK + b"a: b\rc\r\n\r\n",
    "LF in a value": OK + b"a: b\nc\r\n\r\n",
    "a folded value": OK + b"a: b\r\n c\r\n\r\n",
    "two lengths": OK + b"content-length: 1\r\ncontent-length: 2\r\n\r\nab",
    "a negative length": OK + b"content-length: -1\r\n\r\n",
    "length and compressed chunks": OK + b"content-length: 2\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "length and another transfer-encoding": OK + b"content-length: 2\r\ntransfer-encoding: gzip\r\n\r\nhi",
    "chunks that are not last": OK + b"transfer-encoding: chunked, identity\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "a folded length": OK + b"content-length:\r\n 5\r\n\r\nhello",
    "the same length twice": OK + b"content-length: 5\r\ncontent-length: 5\r\n\r\nhello",
    "CR alone ends a line": OK + b"a: b\rcontent-length: 5\r\n\r\nhello",
    "a blank before a colon": OK + b"content-length : 5\r\n\r\nhello",
    "compressed chunks": OK + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "unknown transfer-encoding": OK + b"transfer-encoding: identity\r\n\r\n",
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
    "a bare 101": b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    "no end of 1xx": b"HTTP/1.1 100 Continue\r\n\r\n" * 17 + HELLO,
    "a head over the limit in one header": OK + b"a: " + b"b" * 65536 + b"\r\ncontent-length: 5\r\n\r\nhello",
    "a head over the limit in many": OK + b"a: b\r\n" * 16384 + b"content-length: 5\r\n\r\nhello",
    "a head of many tiny fields": OK + b"a:b\r\n" * 300 + b"content-length: 5\r\n\r\nhello",
    "a 1xx of many tiny fields": b"HTTP/1.1 103 Early Hints\r\n" + b"a:b\r\n" * 300 + b"\r\n" + HELLO,
    "a head without end": OK + b"a: " + b"b" * 300_000,
}


@pytest.mark.parametrize(("answer", "status", "body"), KEPT.values(), ids=KEPT.keys())
@on_both_loops
async def test_a_connection_is_kept_after_a_certain_end(answer: bytes, status: int, body: bytes) -> None:
    async with FakeServer(always(answer)) as server, open_transport() as transport:
        for _ in range(3):
            assert await fetch(transport, server.origin) == (status, (), body)
        assert server.connections_made == 1


@pytest.mark.parametrize(("answer", "status", "body"), NOT_KEPT.values(), ids=NOT_KEPT.keys())
@on_both_loops
async def test_a_connection_is_closed_after_an_uncertain_end(answer: bytes, status: int, body: bytes) -> None:
    async with FakeServer(always(answer)) as server, open_transport() as transport:
        for _ in range(2):
            got, _, read = await fetch(transport, server.origin)
            assert (got, read) == (status, body)
        assert server.connections_made == 2


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@on_both_loops
async def test_a_body_without_length_ends_with_the_connection(tls: bool) -> None:
    async with FakeServer(saying(OK + b"\r\nhello"), tls=tls) as server, open_transport() as transport:
        assert await fetch(transport, server.origin) == (200, (), b"hello")


@pytest.mark.parametrize("answer", MALFORMED.values(), ids=MALFORMED.keys())
@on_both_loops
async def test_what_is_not_http_is_malformed(answer: bytes) -> None:
    assert await refusal(always(answer)) is Failure.MALFORMED


def test_a_head_of_as_many_fields_as_may_be_is_accepted() -> None:
    message = IncomingMessage("x:80")
    message.feed(OK + b"a: b\r\n" * (MAX_HEAD_FIELDS - 1) + b"content-length: 5\r\n\r\nhello")
    assert (message.error, taken(message)) == (None, b"hello")


def test_a_head_within_the_limit_is_accepted_with_any_body() -> None:
    message = IncomingMessage("x:80")
    message.feed(OK + b"a: " + b"b" * 60_000 + b"\r\ncontent-length: 200000\r\n\r\n" + b"c" * 200_000)
    assert message.error is None
    assert taken(message) == b"c" * 200_000


@pytest.mark.parametrize("size", [1, 7, 40_000, 100_000, 300_000])
def test_a_body_that_has_come_at_once_is_taken_in_parts(size: int) -> None:
    message, body = IncomingMessage("x:80"), bytes(range(256)) * 1200
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    message.feed(OK + b"transfer-encoding: chunked\r\n\r\n")
    message.feed(b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n")
    assert message.over
    assert taken(message) == body
    assert message.unread == 0


def taken(message: IncomingMessage) -> bytes:
    parts = list[bytes]()
    while message.pieces:
        parts.append(message.take())
        assert 0 < len(parts[-1]) <= MAX_TAKEN_BYTES
    return b"".join(parts)


def test_endless_trailers_are_malformed() -> None:
    message = IncomingMessage("x:80")
    message.feed(OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n")
    for _ in range(100):
        message.feed(b"x-trailer: " + b"y" * 1000)
    assert message.error is not None
    assert message.error.failure is Failure.MALFORMED
    assert message.take() == b"hello"


SHORT = {
    "content-length": OK + b"content-length: 9\r\n\r\nhello",
    "chunk": OK + b"transfer-encoding: chunked\r\n\r\n9\r\nhello",
    "last chunk": OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "end of the last chunk": OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
}


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("answer", SHORT.values(), ids=SHORT.keys())
@on_both_loops
async def test_a_body_that_ends_early_is_returned_and_then_truncated(tls: bool, answer: bytes) -> None:
    async with FakeServer(saying(answer), tls=tls) as server, open_transport() as transport:
        arrived = await ask(transport, server.origin)
        assert await arrived.read(PATIENCE) == b"hello"
        for _ in range(2):
            error = await failure_of(arrived.read(PATIENCE))
            assert (error.failure, error.sent) == (Failure.TRUNCATED, True)


@on_both_loops
async def test_a_connection_that_breaks_in_the_body_is_a_reset() -> None:
    has_read = asyncio.Event()

    async def handle(connection: ServerConnection) -> None:
        await connection.request()
        await connection.send(OK + b"\r\nhello")
        await has_read.wait()
        connection.cut()

    async with FakeServer(handle) as server, open_transport() as transport:
        arrived = await ask(transport, server.origin)
        assert await arrived.read(PATIENCE) == b"hello"
        has_read.set()
        assert (await failure_of(arrived.read(PATIENCE))).failure is Failure.RESET


@pytest.mark.parametrize("cut", ["end", "reset"])
@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 2", OK], ids=["nothing", "part of a line", "part of a head"])
@on_both_loops
async def test_an_incomplete_head_is_a_reset(cut: str, said: bytes) -> None:
    async def handle(connection: ServerConnection) -> None:
        await connection.request()
        await connection.send(said)
        if cut == "reset":
            connection.cut()

    async with FakeServer(handle) as server, open_transport() as transport:
        error = await failure_of(ask(transport, server.origin))
        assert (error.failure, error.sent) == (Failure.RESET, True)
        assert str(error).startswith(f"127.0.0.1:{server.port}: connection closed ")
        assert server.connections_made == 1


def test_hop_by_hop_headers_are_dropped() -> None:
    message = IncomingMessage("x:80")
    message.feed(
        OK + b"Content-Type: text/plain\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\n"
        b"Proxy-Authenticate: Basic\r\nProxy-Whatever: 1\r\nTE: trailers\r\nTrailer: x\r\nUpgrade: h2c\r\n"
        b"Content-Encoding: identity\r\nContent-Length: 0\r\nSet-Cookie: a\r\nset-cookie: b\r\nX-Empty:\r\n\r\n"
    )
    assert message.head is not None
    assert message.head.headers == (
        (b"content-type", b"text/plain"),
        (b"set-cookie", b"a"),
        (b"set-cookie", b"b"),
        (b"x-empty", b""),
    )
    assert message.reusable


@given(answer=st.sampled_from([HELLO, CHUNKED, KEPT["after 100 and 103"][0]]), cuts=st.sets(st.integers(1, 160)))
def test_an_answer_cut_anywhere_is_the_same(answer: bytes, cuts: set[int]) -> None:
    message = IncomingMessage("x:80")
    edges = [0, *sorted(cut for cut in cuts if cut < len(answer)), len(answer)]
    for start, end in itertools.pairwise(edges):
        assert not message.over
        message.feed(answer[start:end])
    assert (message.take(), message.over, message.error, message.reusable) == (b"hello", True, None, True)


@given(length=st.integers(0, len(CHUNKED) - 1))
def test_an_answer_that_ends_early_anywhere_is_an_error(length: int) -> None:
    message = IncomingMessage("x:80")
    if length:
        message.feed(CHUNKED[:length])
    message.connection_lost(None)
    error = message.error
    assert error is not None
    assert error.failure is (Failure.TRUNCATED if message.head else Failure.RESET)
    assert isinstance(error, UnansweredError) == (length == 0)
    assert b"hello".startswith(message.take())
