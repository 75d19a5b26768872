"""A client leaves, whatever the size of its request: that is noticed at once, also if reading was paused for it."""

from __future__ import annotations

import json
import sys

import pytest

from claude_proxy.core.types import Ending
from claude_proxy.net.client_connection import MAX_WAITING_BYTES, READ_AHEAD_BYTES
from fakes.async_test import async_test, on_both_loops
from fakes.client import Connection
from fakes.provider import FakeProvider
from fakes.proxy import PROMPT, TOKEN, RunningProxy, running_proxy
from fakes.scripts import message, opening
from fakes.steps import Script, Stall

SIZES = (1_000, 65_536, 300_000, READ_AHEAD_BYTES - 300, READ_AHEAD_BYTES, 1_300_000, 1_500_000, 2_600_000, 9_000_000)
EDGES = range(READ_AHEAD_BYTES - 2, READ_AHEAD_BYTES + 3)

LINUX = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells of a client that leaves unread bytes behind"
)


def body_of(size: int, *, stream: bool) -> bytes:
    """Return a prompt of this many bytes."""
    body = {**PROMPT, "stream": stream, "system": ""}
    return json.dumps({**body, "system": "x" * (size - len(json.dumps(body)))}).encode()


def request(body: bytes, path: str = "/v1/messages", chunk: int = 0) -> bytes:
    framing = "Transfer-Encoding: chunked" if chunk else f"Content-Length: {len(body)}"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Content-Type: application/json\r\n{framing}\r\n\r\n"
    ).encode()
    if not chunk:
        return head + body
    pieces = (body[at : at + chunk] for at in range(0, len(body), chunk))
    return head + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


async def check_noticed(proxy: RunningProxy, provider: FakeProvider, connection: Connection, *, reset: bool) -> None:
    """Leave, and see the provider's connection closed and the request accounted for."""
    if reset:
        connection.hang_up()
    else:
        await connection.close()
    await provider.wait_for_hang_ups()
    [account] = await proxy.ledger.wait_for_accounts(1)
    assert account.ending is Ending.CLIENT_LEFT


@pytest.mark.parametrize("size", [*SIZES, *EDGES])
@pytest.mark.parametrize("chunk", [0, 10_000, 2_000_000], ids=["sized", "chunks", "large chunks"])
@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@async_test
async def test_a_client_that_leaves_is_noticed_at_every_size(size: int, chunk: int, stream: bool) -> None:
    provider = FakeProvider([Stall()])
    async with running_proxy(provider) as proxy:
        connection = await proxy.connect()
        await connection.send(request(body_of(size, stream=stream), chunk=chunk))
        await provider.wait_for_requests()
        await check_noticed(proxy, provider, connection, reset=size % 2 == 0)


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens", "/provider/minimax/v1/messages"])
@pytest.mark.parametrize("script", [[Stall()], [*opening(), Stall()]], ids=["before the head", "within the answer"])
@on_both_loops
async def test_a_client_that_leaves_after_a_large_request_is_noticed(path: str, script: Script) -> None:
    provider = FakeProvider(script)
    async with running_proxy(provider) as proxy:
        connection = await proxy.connect()
        await connection.send(request(body_of(1_300_000, stream=True), path))
        await provider.wait_for_requests()
        await check_noticed(proxy, provider, connection, reset=False)


@pytest.mark.parametrize("arrived", [10, 300_000, READ_AHEAD_BYTES + 1000, 2_599_999])
@pytest.mark.parametrize("chunk", [0, 10_000], ids=["sized", "chunks"])
@async_test
async def test_a_client_that_leaves_within_its_body_reaches_no_provider(arrived: int, chunk: int) -> None:
    provider = FakeProvider(message("hello"))
    async with running_proxy(provider) as proxy:
        connection = await proxy.connect()
        await connection.send(request(body_of(2_600_000, stream=True), chunk=chunk)[: arrived + 200])
        await connection.close()
        [account] = await proxy.ledger.wait_for_accounts(1)
        assert account.ending is Ending.CLIENT_LEFT
    assert provider.requests == []


@pytest.mark.parametrize(
    "behind",
    [1, 1_000, MAX_WAITING_BYTES - 500, pytest.param(300_000, marks=LINUX), pytest.param(2_000_000, marks=LINUX)],
)
@on_both_loops
async def test_a_client_that_leaves_while_its_second_request_waits_is_noticed(behind: int) -> None:
    provider = FakeProvider([*opening(), Stall()])
    async with running_proxy(provider) as proxy:
        connection = await proxy.connect()
        first = request(body_of(1_300_000, stream=True))
        await connection.send(first + request(body_of(max(behind, 500), stream=True))[:behind])
        await provider.wait_for_requests()
        await check_noticed(proxy, provider, connection, reset=False)
    assert len(provider.requests) == 1
