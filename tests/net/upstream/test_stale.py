"""A kept connection that is dead without a word, as after a change of the Wi-Fi: a fresh one takes its place."""

from __future__ import annotations

import asyncio
import time
from typing import cast

import pytest

from claude_proxy.net.upstream import tcp
from claude_proxy.net.upstream.idle_limits import MIN_AFTER_SILENCE
from claude_proxy.proxy.ports import Failure
from fakes.async_test import on_both_loops
from fakes.deaf import deafen, needs_linux
from fakes.server import FakeServer
from fakes.server_connection import ServerConnection
from net.upstream_client import always, ask, failure_of, fetch, open_transport, until

pytestmark = needs_linux

HELLO = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
STALE_AFTER = 0.3


class DeafProvider:
    """Answers each connection's requests; all that are open can be made deaf. Counts the requests that it reads."""

    def __init__(self) -> None:
        self.connections = list[ServerConnection]()
        self.requests = 0

    async def __call__(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        while True:
            await connection.request()
            self.requests += 1
            await connection.send(HELLO)

    def deafen_all(self) -> None:
        for connection in self.connections:
            deafen(connection)


@pytest.fixture(autouse=True)
def stale_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "STALE_AFTER", STALE_AFTER)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("size", [0, 50_000, 2_000_000])
@on_both_loops
async def test_a_kept_connection_that_acknowledges_nothing_is_replaced(tls: bool, size: int) -> None:
    provider = DeafProvider()
    async with FakeServer(provider, tls=tls) as server, open_transport() as transport:
        await fetch(transport, server.origin)
        provider.deafen_all()
        assert await fetch(transport, server.origin, b"x" * size) == (200, (), b"hello")
        assert (server.connections_made, provider.requests) == (2, 2)
        assert repr(transport) == "<HttpTransport 1 connections, 1 idle>"


@on_both_loops
async def test_the_other_connections_of_that_origin_are_not_tried() -> None:
    provider = DeafProvider()
    async with FakeServer(provider) as server, FakeServer(always(HELLO)) as other, open_transport() as transport:
        await fetch(transport, other.origin)
        async with asyncio.TaskGroup() as group:
            for _ in range(8):
                group.create_task(fetch(transport, server.origin))
        before = server.connections_made
        assert before > 1
        provider.deafen_all()
        await fetch(transport, server.origin)
        await until(lambda: repr(transport) == "<HttpTransport 2 connections, 2 idle>")
        await fetch(transport, server.origin)
        await fetch(transport, other.origin)
        assert (server.connections_made, other.connections_made) == (before + 1, 1)


@on_both_loops
async def test_a_provider_that_has_acknowledged_the_request_is_waited_for() -> None:
    gate = asyncio.Event()

    async def handle(connection: ServerConnection) -> None:
        await connection.request()
        await connection.send(HELLO)
        await connection.request()
        await gate.wait()
        await connection.send(HELLO)
        await connection.wait_until_left()

    async with FakeServer(handle) as server, open_transport() as transport:
        await fetch(transport, server.origin)
        asyncio.get_running_loop().call_later(3 * STALE_AFTER, gate.set)
        assert await fetch(transport, server.origin) == (200, (), b"hello")
        assert server.connections_made == 1


@on_both_loops
async def test_a_provider_that_is_slow_to_read_a_large_request_is_waited_for() -> None:
    gate = asyncio.Event()

    async def handle(connection: ServerConnection) -> None:
        await connection.request()
        await connection.send(HELLO)
        transport = cast("asyncio.Transport", connection.writer.transport)
        transport.pause_reading()
        await gate.wait()
        transport.resume_reading()
        await connection.request()
        await connection.send(HELLO)
        await connection.wait_until_left()

    async with FakeServer(handle) as server, open_transport() as transport:
        await fetch(transport, server.origin)
        asyncio.get_running_loop().call_later(5 * STALE_AFTER, gate.set)
        assert await fetch(transport, server.origin, b"x" * 20_000_000) == (200, (), b"hello")
        assert server.connections_made == 1


@on_both_loops
async def test_a_fresh_connection_that_acknowledges_nothing_is_not_replaced() -> None:
    async def handle(connection: ServerConnection) -> None:
        deafen(connection)
        await connection.wait_until_left()

    async with FakeServer(handle) as server, open_transport() as transport:
        with pytest.raises(TimeoutError):
            await ask(transport, server.origin, b"x" * 100_000, head_timeout=3 * STALE_AFTER)
        assert server.connections_made == 1


@on_both_loops
async def test_when_the_fresh_connection_fails_too_that_is_the_error() -> None:
    provider = DeafProvider()
    async with open_transport() as transport, FakeServer(provider) as server:
        await fetch(transport, server.origin)
        provider.deafen_all()
        server.stop_listening()
        assert (await failure_of(ask(transport, server.origin))).failure is Failure.REFUSED


@on_both_loops
async def test_after_a_silent_loss_connections_are_kept_for_less_time(monkeypatch: pytest.MonkeyPatch) -> None:
    provider, start, passed = DeafProvider(), time.time(), [0.0]
    monkeypatch.setattr(time, "time", lambda: start + passed[0])
    async with FakeServer(provider) as server, open_transport() as transport:
        await fetch(transport, server.origin)
        provider.deafen_all()
        passed[0] += 50.0
        await fetch(transport, server.origin)
        assert server.connections_made == 2
        passed[0] += MIN_AFTER_SILENCE - 1
        await fetch(transport, server.origin)
        assert server.connections_made == 2
        passed[0] += MIN_AFTER_SILENCE + 1
        await fetch(transport, server.origin)
        assert server.connections_made == 3
