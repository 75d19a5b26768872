"""Requests that a client sends without waiting for answers: they are served one by one and take no memory meanwhile."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc

import pytest
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from fakes.async_test import async_test, on_both_loops
from fakes.provider import FakeProvider
from fakes.proxy import TOKEN, running_proxy
from fakes.raw_client import raw_client
from fakes.scripts import message

HOST = b"Host: 127.0.0.1\r\n"
JSON_OF_OURS = HOST + f"Authorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n".encode()
BODY = b"[1, 2, 3]"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)

KINDS = {
    "health": (b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n", 200),
    "nothing there": (b"GET /nothing HTTP/1.1\r\n" + JSON_OF_OURS + b"\r\n", 404),
    "another method": (b"OPTIONS /health HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    "no token": (b"GET /v1/models HTTP/1.1\r\n" + HOST + b"\r\n", 401),
    "another host": (b"GET /health HTTP/1.1\r\nHost: evil\r\n\r\n", 403),
    "a body": (
        b"POST /v1/messages HTTP/1.1\r\n" + JSON_OF_OURS + b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY),
        400,
    ),
    "a body in chunks": (b"POST /v1/messages HTTP/1.1\r\n" + JSON_OF_OURS + CHUNKED, 400),
    "an empty body": (b"GET /health HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n\r\n", 200),
    "no chunks": (b"GET /health HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200),
    "blank lines": (b"\r\n\r\nGET /health HTTP/1.1\r\n" + HOST + b"\r\n", 200),
    "another protocol": (b"GET /health HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 200),
}
UNREAD = {
    "a refused body": b"POST /v1/messages HTTP/1.1\r\n" + HOST + b"Content-Length: 9\r\n\r\n123456789",
    "a refused body in chunks": b"POST /v1/messages HTTP/1.1\r\n" + HOST + CHUNKED,
}

A_WRITE = 2000
"""Requests in one write."""

MAX_MEMORY = 3_000_000
"""Bytes that a client which only sends may take up: what is read at once, its copies, and the answers that wait. Those
requests would take 30 MB if they were parsed."""

MAX_PARSED = 5
"""Requests that may be in memory at the same time, those of other connections included."""


def parsed_requests() -> int:
    gc.collect()
    return sum(isinstance(thing, RequestResponseCycle) for thing in gc.get_objects())


@pytest.mark.parametrize("request_", [kind for kind, _ in KINDS.values()] + [*UNREAD.values()], ids=[*KINDS, *UNREAD])
@on_both_loops
async def test_of_many_requests_in_one_write_one_is_parsed(request_: bytes) -> None:
    async with running_proxy(FakeProvider(message("hello"))) as proxy, raw_client(proxy.port) as client:
        await client.send_until_stuck(request_ * A_WRITE, A_WRITE * len(request_))
        assert parsed_requests() <= MAX_PARSED


@async_test
async def test_a_client_that_sends_and_never_reads_takes_little_memory() -> None:
    request, _ = KINDS["health"]
    async with running_proxy(FakeProvider(message("hello"))) as proxy, raw_client(proxy.port) as client:
        tracemalloc.start()
        try:
            await client.send_until_stuck(request * A_WRITE, 5 * A_WRITE * len(request))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < MAX_MEMORY


@pytest.mark.parametrize(("request_", "status"), KINDS.values(), ids=KINDS.keys())
@async_test
async def test_each_of_many_requests_is_answered(request_: bytes, status: int) -> None:
    count = 100
    sent = request_ * count
    answered = b"HTTP/1.1 %d" % status
    async with running_proxy(FakeProvider(message("hello"))) as proxy:
        for step in (len(sent), 997, 7):
            async with raw_client(proxy.port) as client:
                for at in range(0, len(sent), step):
                    await client.send_all(sent[at : at + step])
                    if at // step % 50 == 49:
                        await asyncio.sleep(0)
                received = await client.read_until(lambda data: data.count(answered) == count)
            assert received.count(answered) == received.count(b"HTTP/1.1") == count
