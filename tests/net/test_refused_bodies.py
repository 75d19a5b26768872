"""A refused request whose body is still coming: the client gets the answer, and then the connection ends."""

from __future__ import annotations

import asyncio
import json

import pytest

from claude_proxy.net import client_connection
from claude_proxy.net.client_connection import ClientConnection
from fakes.async_test import async_test, on_both_loops
from fakes.client import PATIENCE
from fakes.provider import FakeProvider
from fakes.proxy import PROMPT, TOKEN, running_proxy
from fakes.raw_client import RawClient, raw_client
from fakes.scripts import message

HOST = "Host: 127.0.0.1\r\n"
OURS = f"Authorization: Bearer {TOKEN}\r\n"
AS_JSON = "Content-Type: application/json\r\n"

REFUSED = {
    "no token": ("POST /v1/messages", HOST + AS_JSON, 401),
    "another host": ("POST /v1/messages", "Host: evil\r\n" + OURS + AS_JSON, 403),
    "nothing there": ("POST /nothing", HOST + OURS + AS_JSON, 404),
    "another method": ("PUT /v1/messages", HOST + OURS + AS_JSON, 405),
    "another type": ("POST /v1/messages", HOST + OURS + "Content-Type: text/plain\r\n", 400),
    "too large": ("POST /v1/messages", HOST + OURS + AS_JSON, 413),
    "two hosts": ("POST /v1/messages", HOST + HOST + OURS + AS_JSON, 400),
    "not refused": ("GET /health", HOST, 200),
}
SIZE = 90_000_000
FRAMINGS = {"sized": f"Content-Length: {SIZE}\r\n", "in chunks": "Transfer-Encoding: chunked\r\n"}
LIMIT = 1000


def head(line: str, fields: str) -> bytes:
    return f"{line} HTTP/1.1\r\n{fields}\r\n".encode()


async def read_answer(client: RawClient, status: int) -> None:
    """See the answer, that it is the last one, and the end of what the proxy sends."""
    received, _, body = (await client.read_to_end()).partition(b"\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 %d " % status)
    assert b"\r\nconnection: close" in received
    assert json.loads(body)


async def drip(client: RawClient, data: bytes) -> None:
    """Send one byte after the other, until the connection is closed. The test fails if it is not."""
    async with asyncio.timeout(PATIENCE):
        at = 0
        while True:
            await client.send_all(data[at : at + 1])
            at = (at + 1) % len(data)
            await asyncio.sleep(0.002)


@pytest.mark.parametrize(("line", "fields", "status"), REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.parametrize("framing", FRAMINGS.values(), ids=FRAMINGS.keys())
@on_both_loops
async def test_a_refused_body_that_drips_is_answered_and_closed(
    line: str, fields: str, status: int, framing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ClientConnection, "linger_idle", 0.1)
    monkeypatch.setattr(ClientConnection, "max_linger", 0.2)
    fake = FakeProvider(message("hello"))
    async with running_proxy(fake, max_body_bytes=LIMIT) as proxy, raw_client(proxy.port) as client:
        await client.send_all(head(line, fields + framing))
        if status == 413 and "chunked" in framing:
            await client.send_all(b"%x\r\n%b\r\n" % (LIMIT + 1, b"x" * (LIMIT + 1)))
        await read_answer(client, status)
        with pytest.raises(ConnectionError):
            await drip(client, b"1\r\nx\r\n")
    assert fake.requests == []


@on_both_loops
async def test_a_refused_body_that_never_comes_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ClientConnection, "linger_idle", 0.01)
    async with running_proxy(FakeProvider(message("hello"))) as proxy, raw_client(proxy.port) as client:
        await client.send_all(head("POST /v1/messages", HOST + AS_JSON + FRAMINGS["sized"]))
        await read_answer(client, 401)
        await asyncio.sleep(0.1)
        with pytest.raises(ConnectionError):
            await drip(client, b"x")


@on_both_loops
async def test_a_refused_body_is_dropped_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_connection, "MAX_DISCARDED_BYTES", 10_000_000)
    async with running_proxy(FakeProvider(message("hello"))) as proxy, raw_client(proxy.port) as client:
        await client.send_all(head("POST /v1/messages", HOST + AS_JSON + FRAMINGS["sized"]))
        await read_answer(client, 401)
        with pytest.raises(ConnectionError):
            await client.send_all(b"x" * SIZE)


@pytest.mark.parametrize("framing", FRAMINGS.values(), ids=FRAMINGS.keys())
@on_both_loops
async def test_a_client_that_sends_all_of_a_refused_body_first_still_gets_the_answer(framing: str) -> None:
    body = b"x" * 8_000_000
    async with running_proxy(FakeProvider(message("hello"))) as proxy, raw_client(proxy.port) as client:
        await client.send_all(head("POST /v1/messages", HOST + AS_JSON + framing) + b"%x\r\n%b\r\n" % (len(body), body))
        await read_answer(client, 401)


@async_test
async def test_a_refused_client_is_not_asked_for_its_body() -> None:
    async with running_proxy(FakeProvider(message("hello"))) as proxy, raw_client(proxy.port) as client:
        await client.send_all(
            head("POST /v1/messages", HOST + AS_JSON + "Expect: 100-continue\r\n" + FRAMINGS["sized"])
        )
        await read_answer(client, 401)


@async_test
async def test_a_refused_request_that_has_come_completely_keeps_the_connection() -> None:
    body = json.dumps(PROMPT).encode()
    sent = head("POST /v1/messages", HOST + AS_JSON + f"Content-Length: {len(body)}\r\n") + body
    async with running_proxy(FakeProvider(message("hello"))) as proxy, raw_client(proxy.port) as client:
        for count in (1, 2):
            await client.send_all(sent)
            received = await client.read_until(lambda data: b'"error"' in data and data.endswith(b"}"))
            assert received.startswith(b"HTTP/1.1 401 "), count
            assert b"connection: close" not in received


@pytest.mark.parametrize("size", [9, 3_000_000])
@on_both_loops
async def test_a_stop_does_not_wait_for_the_body_of_a_refused_request(size: int) -> None:
    async with running_proxy(FakeProvider(message("hello"))) as proxy, raw_client(proxy.port) as client:
        await client.send_all(head("POST /v1/messages", HOST + AS_JSON + FRAMINGS["sized"]) + b"x" * size)
        await read_answer(client, 401)
        await proxy.ask("POST", "/admin/stop", b'{"force": false}')
        async with asyncio.timeout(PATIENCE):
            await proxy.proxy.wait()
