"""Which connections are kept, for how long, and what happens when a kept one turns out to be dead."""

from __future__ import annotations

import asyncio
import time

import pytest

from claude_proxy.core.egress import Egress
from claude_proxy.core.types import Origin
from claude_proxy.net.upstream import HttpTransport, pool
from claude_proxy.net.upstream.connection import Connection
from claude_proxy.net.upstream.dialer import Dialer
from claude_proxy.proxy.ports import Answer, Failure
from fakes.async_test import on_both_loops
from fakes.server import PATIENCE, FakeServer
from fakes.server_connection import ServerConnection
from net.upstream_client import always, ask, failure_of, fetch, open_transport, read_all, request_to, until

HELLO = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
BEGUN = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe"


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@on_both_loops
async def test_one_connection_serves_many_requests(tls: bool) -> None:
    async with FakeServer(always(HELLO), tls=tls) as server, open_transport() as transport:
        for _ in range(5):
            assert await fetch(transport, server.origin, b"x" * 100_000) == (200, (), b"hello")
        assert server.connections_made == 1
        assert repr(transport) == "<HttpTransport 1 connections, 1 idle>"


@on_both_loops
async def test_concurrent_requests_have_their_own_connections() -> None:
    async with FakeServer(always(HELLO)) as server, open_transport() as transport:
        async with asyncio.TaskGroup() as group:
            for _ in range(20):
                group.create_task(fetch(transport, server.origin))
        assert 1 < server.connections_made <= 20
        assert (
            repr(transport) == f"<HttpTransport {server.connections_made} connections, {server.connections_made} idle>"
        )


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@on_both_loops
async def test_concurrent_answers_do_not_mix(tls: bool) -> None:
    async def echo(connection: ServerConnection) -> None:
        body = (await connection.request()).body
        await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body), body)

    async with FakeServer(echo, tls=tls) as server, open_transport() as transport:
        bodies = [bytes([letter]) * 600_000 for letter in b"abcdefgh"]
        async with asyncio.TaskGroup() as group:
            echoes = [group.create_task(fetch(transport, server.origin, body)) for body in bodies]
        assert [task.result()[2] for task in echoes] == bodies


@on_both_loops
async def test_origins_do_not_share_connections() -> None:
    async with FakeServer(always(HELLO)) as one, FakeServer(always(HELLO)) as other, open_transport() as transport:
        for server in (one, other, one, other):
            await fetch(transport, server.origin)
        assert (one.connections_made, other.connections_made) == (1, 1)


@on_both_loops
async def test_a_kept_connection_that_dies_unanswered_is_replaced_once() -> None:
    async def handle(connection: ServerConnection) -> None:
        await connection.request()
        await connection.send(HELLO)
        await connection.request()
        if connection.number == 1:
            await connection.send(HELLO)
            await connection.request()
        connection.cut()

    async with FakeServer(handle) as server, open_transport() as transport:
        for _ in range(3):
            assert await fetch(transport, server.origin) == (200, (), b"hello")
        assert server.connections_made == 2


@on_both_loops
async def test_a_second_lost_connection_is_an_error() -> None:
    async def handle(connection: ServerConnection) -> None:
        await connection.request()
        if connection.number == 0:
            await connection.send(HELLO)
            await connection.request()

    async with FakeServer(handle) as server, open_transport() as transport:
        await fetch(transport, server.origin)
        error = await failure_of(ask(transport, server.origin))
        assert (error.failure, error.sent) == (Failure.RESET, True)
        assert server.connections_made == 2


@on_both_loops
async def test_a_kept_connection_that_dies_within_its_answer_is_not_replaced() -> None:
    async def handle(connection: ServerConnection) -> None:
        await connection.request()
        await connection.send(HELLO)
        await connection.request()
        await connection.send(b"H")

    async with FakeServer(handle) as server, open_transport() as transport:
        await fetch(transport, server.origin)
        assert (await failure_of(ask(transport, server.origin))).failure is Failure.RESET
        assert server.connections_made == 1


@pytest.mark.parametrize("last_words", [b"", b"HTTP/1.1 408 Request Timeout\r\n\r\n"], ids=["silently", "with 408"])
@on_both_loops
async def test_a_kept_connection_that_the_server_closes_is_dropped(last_words: bytes) -> None:
    async def handle(connection: ServerConnection) -> None:
        await connection.request()
        await connection.send(HELLO)
        await asyncio.sleep(0)
        await connection.send(last_words)

    async with FakeServer(handle) as server, open_transport() as transport:
        assert await fetch(transport, server.origin) == (200, (), b"hello")
        await until(lambda: repr(transport) == "<HttpTransport 0 connections, 0 idle>")
        assert await fetch(transport, server.origin) == (200, (), b"hello")
        assert server.connections_made == 2


@on_both_loops
async def test_unexpected_data_closes_an_idle_connection() -> None:
    is_idle = asyncio.Event()

    async def handle(connection: ServerConnection) -> None:
        await connection.request()
        await connection.send(HELLO)
        await is_idle.wait()
        await connection.send(HELLO)
        await connection.wait_until_left()

    async with FakeServer(handle) as server, open_transport() as transport:
        await fetch(transport, server.origin)
        is_idle.set()
        await until(lambda: repr(transport) == "<HttpTransport 0 connections, 0 idle>")


@pytest.mark.parametrize("later", [pool.MAX_IDLE_SECONDS, -60.0], ids=["expired", "clock set back"])
@on_both_loops
async def test_a_connection_that_was_idle_too_long_is_not_used(monkeypatch: pytest.MonkeyPatch, later: float) -> None:
    async with FakeServer(always(HELLO)) as server, open_transport() as transport:
        await fetch(transport, server.origin)
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + later)
        await fetch(transport, server.origin)
        assert server.connections_made == 2
        await until(lambda: repr(transport) == "<HttpTransport 1 connections, 1 idle>")


@on_both_loops
async def test_idle_connections_are_closed_in_time_without_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "MAX_IDLE_SECONDS", 0.05)

    async with FakeServer(always(HELLO)) as server, open_transport() as transport:
        for _ in range(2):
            await fetch(transport, server.origin)
            await until(lambda: repr(transport) == "<HttpTransport 0 connections, 0 idle>")


@on_both_loops
async def test_the_number_of_idle_connections_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "MAX_IDLE_CONNECTIONS", 2)

    async with FakeServer(always(HELLO)) as server, open_transport() as transport:
        async with asyncio.TaskGroup() as group:
            for _ in range(5):
                group.create_task(fetch(transport, server.origin))
        await until(lambda: repr(transport) == "<HttpTransport 2 connections, 2 idle>")


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@on_both_loops
async def test_closing_an_answer_before_its_end_closes_the_connection_at_once(tls: bool) -> None:
    left = asyncio.Event()

    async def handle(connection: ServerConnection) -> None:
        await connection.request()
        await connection.send(BEGUN)
        await connection.wait_until_left()
        left.set()

    async with FakeServer(handle, tls=tls) as server, open_transport() as transport:
        answer = await ask(transport, server.origin)
        answer.close()
        answer.close()
        await left.wait()
        assert repr(transport) == "<HttpTransport 0 connections, 0 idle>"


@on_both_loops
async def test_closing_an_answer_late_does_not_harm_the_next_one() -> None:
    async with FakeServer(always(HELLO)) as server, open_transport() as transport:
        first = await ask(transport, server.origin)
        second = await ask(transport, server.origin)
        first.close()
        assert await read_all(second) == b"hello"
        second.close()
        assert await read_all(first) == b"hello"
        assert server.connections_made == 1


@on_both_loops
async def test_a_reader_is_woken_when_its_answer_is_closed() -> None:
    async def handle(connection: ServerConnection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        await connection.wait_until_left()

    async with FakeServer(handle) as server, open_transport() as transport:
        answer = await ask(transport, server.origin)
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(failure_of(answer.read(PATIENCE)))
            await asyncio.sleep(0)
            answer.close()
        assert reading.result().failure is Failure.RESET


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@on_both_loops
async def test_cancelling_a_request_closes_the_connection_at_once(tls: bool) -> None:
    asked, left = asyncio.Event(), asyncio.Event()

    async def handle(connection: ServerConnection) -> None:
        await connection.request()
        asked.set()
        await connection.wait_until_left()
        left.set()

    async with FakeServer(handle, tls=tls) as server, open_transport() as transport:
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(ask(transport, server.origin))
            await asked.wait()
            asking.cancel()
        await left.wait()
        assert repr(transport) == "<HttpTransport 0 connections, 0 idle>"


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@on_both_loops
async def test_a_request_can_be_cancelled_at_any_step(tls: bool) -> None:
    async with FakeServer(always(HELLO), tls=tls) as server, open_transport() as transport:
        for steps in range(30):
            asking: asyncio.Task[Answer]
            async with asyncio.TaskGroup() as group:
                asking = group.create_task(ask(transport, server.origin))
                for _ in range(steps):
                    await asyncio.sleep(0)
                asking.cancel()
            if not asking.cancelled():
                asking.result().close()
        assert await fetch(transport, server.origin) == (200, (), b"hello")


@on_both_loops
async def test_closing_the_transport_ends_its_answers() -> None:
    async def handle(connection: ServerConnection) -> None:
        await connection.request()
        await connection.send(BEGUN)
        await connection.wait_until_left()

    async with FakeServer(handle) as server:
        transport = HttpTransport(Egress())
        answer = await ask(transport, server.origin)
        await transport.aclose()
        await transport.aclose()
        assert await answer.read(PATIENCE) == b"he"
        assert (await failure_of(answer.read(PATIENCE))).failure is Failure.RESET
        assert not (await failure_of(ask(transport, server.origin))).sent
        await server.wait_until_disconnected()
        assert repr(transport) == "<HttpTransport 0 connections, 0 idle>"


@on_both_loops
async def test_a_retired_transport_keeps_no_connection_and_says_when_it_has_none() -> None:
    unused, waiting = list[HttpTransport](), list[asyncio.Event]()

    async def handle(connection: ServerConnection) -> None:
        waiting.append(asyncio.Event())
        go_on = waiting[-1]
        while True:
            await connection.request()
            await connection.send(BEGUN)
            await go_on.wait()
            await connection.send(b"llo")

    async with FakeServer(handle) as server, open_transport() as transport:
        first, second = await ask(transport, server.origin), await ask(transport, server.origin)
        waiting[0].set()
        assert await read_all(first) == b"hello"
        assert repr(transport) == "<HttpTransport 2 connections, 1 idle>"
        transport.retire(unused.append)
        await until(lambda: repr(transport) == "<HttpTransport 1 connections, 0 idle>")
        assert unused == []
        waiting[1].set()
        assert await read_all(second) == b"hello"
        await until(lambda: unused == [transport])
        third = await ask(transport, server.origin)
        waiting[2].set()
        assert await read_all(third) == b"hello"
        await until(lambda: unused == [transport] * 2)
        assert repr(transport) == "<HttpTransport 0 connections, 0 idle>"


@on_both_loops
async def test_a_transport_that_has_no_connection_is_retired_at_once() -> None:
    async with open_transport() as transport:
        unused = list[HttpTransport]()
        transport.retire(unused.append)
        assert unused == [transport]


@on_both_loops
async def test_a_connection_that_is_closed_as_soon_as_it_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Dialer.connect

    async def connect(self: Dialer, origin: Origin, connection: asyncio.BaseProtocol, connect_timeout: float) -> None:
        await real(self, origin, connection, connect_timeout)
        assert isinstance(connection, Connection)
        connection.abort()
        for _ in range(5):
            await asyncio.sleep(0)

    monkeypatch.setattr(Dialer, "connect", connect)

    async with FakeServer(always(HELLO)) as server, open_transport() as transport:
        error = await failure_of(ask(transport, server.origin))
        assert (error.failure, error.sent) == (Failure.RESET, False)


@on_both_loops
async def test_a_repr_does_not_show_the_request() -> None:
    async with FakeServer(always(HELLO)) as server, open_transport() as transport:
        answer = await ask(transport, server.origin, b"secret")
        assert repr(answer) == "<IncomingAnswer 200, 5 bytes unread, over>"
        assert request_to(server.origin).origin == server.origin
