"""Which connections are kept, for how long, and what happens when a kept one turns out to be dead."""

from __future__ import annotations

import asyncio
import time

import pytest

from claude_proxy.core.types import Egress, Origin
from claude_proxy.net.upstream import HttpTransport, pool
from claude_proxy.net.upstream.connection import Connection
from claude_proxy.net.upstream.dialer import Dialer
from claude_proxy.proxy.ports import Answer, Failure
from net.upstream_peer import (
    PATIENCE,
    Peer,
    Run,
    Wire,
    always,
    ask,
    client,
    failure_of,
    fetch,
    on_both_loops,
    read_all,
    request_to,
    until,
)

HELLO = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
BEGUN = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe"


@on_both_loops
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_one_connection_serves_many_requests(run: Run, tls: bool) -> None:
    async def story() -> None:
        async with Peer(always(HELLO), tls=tls) as peer, client() as transport:
            for _ in range(5):
                assert await fetch(transport, peer.origin, b"x" * 100_000) == (200, (), b"hello")
            assert peer.connections == 1
            assert repr(transport) == "<HttpTransport 1 connections, 1 idle>"

    run(story())


@on_both_loops
def test_requests_at_once_have_connections_of_their_own(run: Run) -> None:
    async def story() -> None:
        async with Peer(always(HELLO)) as peer, client() as transport:
            async with asyncio.TaskGroup() as group:
                for _ in range(20):
                    group.create_task(fetch(transport, peer.origin))
            assert 1 < peer.connections <= 20
            assert repr(transport) == f"<HttpTransport {peer.connections} connections, {peer.connections} idle>"

    run(story())


@on_both_loops
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_answers_at_once_do_not_mix(run: Run, tls: bool) -> None:
    async def echo(wire: Wire) -> None:
        body = (await wire.request()).partition(b"\r\n\r\n")[2]
        await wire.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body), body)

    async def story() -> None:
        async with Peer(echo, tls=tls) as peer, client() as transport:
            bodies = [bytes([letter]) * 600_000 for letter in b"abcdefgh"]
            async with asyncio.TaskGroup() as group:
                echoes = [group.create_task(fetch(transport, peer.origin, body)) for body in bodies]
            assert [task.result()[2] for task in echoes] == bodies

    run(story())


@on_both_loops
def test_origins_do_not_share_connections(run: Run) -> None:
    async def story() -> None:
        async with Peer(always(HELLO)) as one, Peer(always(HELLO)) as other, client() as transport:
            for peer in (one, other, one, other):
                await fetch(transport, peer.origin)
            assert (one.connections, other.connections) == (1, 1)

    run(story())


@on_both_loops
def test_a_kept_connection_that_dies_unanswered_is_replaced_once(run: Run) -> None:
    async def handle(wire: Wire) -> None:
        await wire.request()
        await wire.send(HELLO)
        await wire.request()
        if wire.number == 1:
            await wire.send(HELLO)
            await wire.request()
        wire.reset()

    async def story() -> None:
        async with Peer(handle) as peer, client() as transport:
            for _ in range(3):
                assert await fetch(transport, peer.origin) == (200, (), b"hello")
            assert peer.connections == 2

    run(story())


@on_both_loops
def test_the_second_death_is_told(run: Run) -> None:
    async def handle(wire: Wire) -> None:
        await wire.request()
        if wire.number == 0:
            await wire.send(HELLO)
            await wire.request()

    async def story() -> None:
        async with Peer(handle) as peer, client() as transport:
            await fetch(transport, peer.origin)
            error = await failure_of(ask(transport, peer.origin))
            assert (error.failure, error.sent) == (Failure.RESET, True)
            assert peer.connections == 2

    run(story())


@on_both_loops
def test_a_kept_connection_that_dies_within_its_answer_is_not_replaced(run: Run) -> None:
    async def handle(wire: Wire) -> None:
        await wire.request()
        await wire.send(HELLO)
        await wire.request()
        await wire.send(b"H")

    async def story() -> None:
        async with Peer(handle) as peer, client() as transport:
            await fetch(transport, peer.origin)
            assert (await failure_of(ask(transport, peer.origin))).failure is Failure.RESET
            assert peer.connections == 1

    run(story())


@on_both_loops
@pytest.mark.parametrize("last_words", [b"", b"HTTP/1.1 408 Request Timeout\r\n\r\n"], ids=["silently", "with 408"])
def test_a_kept_connection_that_the_server_closes_is_dropped(run: Run, last_words: bytes) -> None:
    async def handle(wire: Wire) -> None:
        await wire.request()
        await wire.send(HELLO)
        await asyncio.sleep(0)
        await wire.send(last_words)

    async def story() -> None:
        async with Peer(handle) as peer, client() as transport:
            assert await fetch(transport, peer.origin) == (200, (), b"hello")
            await until(lambda: repr(transport) == "<HttpTransport 0 connections, 0 idle>")
            assert await fetch(transport, peer.origin) == (200, (), b"hello")
            assert peer.connections == 2

    run(story())


@on_both_loops
def test_what_comes_unasked_closes_an_idle_connection(run: Run) -> None:
    async def story() -> None:
        is_idle = asyncio.Event()

        async def handle(wire: Wire) -> None:
            await wire.request()
            await wire.send(HELLO)
            await is_idle.wait()
            await wire.send(HELLO)
            await wire.gone()

        async with Peer(handle) as peer, client() as transport:
            await fetch(transport, peer.origin)
            is_idle.set()
            await until(lambda: repr(transport) == "<HttpTransport 0 connections, 0 idle>")

    run(story())


@on_both_loops
@pytest.mark.parametrize("later", [pool.MAX_IDLE_SECONDS, -60.0], ids=["expired", "clock set back"])
def test_a_connection_that_was_idle_too_long_is_not_used(
    run: Run, monkeypatch: pytest.MonkeyPatch, later: float
) -> None:
    async def story() -> None:
        async with Peer(always(HELLO)) as peer, client() as transport:
            await fetch(transport, peer.origin)
            now = time.time()
            monkeypatch.setattr(time, "time", lambda: now + later)
            await fetch(transport, peer.origin)
            assert peer.connections == 2
            await until(lambda: repr(transport) == "<HttpTransport 1 connections, 1 idle>")

    run(story())


@on_both_loops
def test_idle_connections_are_closed_in_time_though_nobody_asks(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "MAX_IDLE_SECONDS", 0.05)

    async def story() -> None:
        async with Peer(always(HELLO)) as peer, client() as transport:
            for _ in range(2):
                await fetch(transport, peer.origin)
                await until(lambda: repr(transport) == "<HttpTransport 0 connections, 0 idle>")

    run(story())


@on_both_loops
def test_only_so_many_idle_connections_are_kept(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "MAX_IDLE_CONNECTIONS", 2)

    async def story() -> None:
        async with Peer(always(HELLO)) as peer, client() as transport:
            async with asyncio.TaskGroup() as group:
                for _ in range(5):
                    group.create_task(fetch(transport, peer.origin))
            await until(lambda: repr(transport) == "<HttpTransport 2 connections, 2 idle>")

    run(story())


@on_both_loops
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_closing_an_answer_before_its_end_closes_the_connection_at_once(run: Run, tls: bool) -> None:
    async def story() -> None:
        left = asyncio.Event()

        async def handle(wire: Wire) -> None:
            await wire.request()
            await wire.send(BEGUN)
            await wire.gone()
            left.set()

        async with Peer(handle, tls=tls) as peer, client() as transport:
            answer = await ask(transport, peer.origin)
            answer.close()
            answer.close()
            await left.wait()
            assert repr(transport) == "<HttpTransport 0 connections, 0 idle>"

    run(story())


@on_both_loops
def test_closing_an_answer_late_does_not_hurt_the_next_one(run: Run) -> None:
    async def story() -> None:
        async with Peer(always(HELLO)) as peer, client() as transport:
            first = await ask(transport, peer.origin)
            second = await ask(transport, peer.origin)
            first.close()
            assert await read_all(second) == b"hello"
            second.close()
            assert await read_all(first) == b"hello"
            assert peer.connections == 1

    run(story())


@on_both_loops
def test_a_reader_is_woken_when_its_answer_is_closed(run: Run) -> None:
    async def handle(wire: Wire) -> None:
        await wire.request()
        await wire.send(b"HTTP/1.1 200 OK\r\n\r\n")
        await wire.gone()

    async def story() -> None:
        async with Peer(handle) as peer, client() as transport:
            answer = await ask(transport, peer.origin)
            async with asyncio.TaskGroup() as group:
                reading = group.create_task(failure_of(answer.read(PATIENCE)))
                await asyncio.sleep(0)
                answer.close()
            assert reading.result().failure is Failure.RESET

    run(story())


@on_both_loops
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_cancelling_a_request_closes_the_connection_at_once(run: Run, tls: bool) -> None:
    async def story() -> None:
        asked, left = asyncio.Event(), asyncio.Event()

        async def handle(wire: Wire) -> None:
            await wire.request()
            asked.set()
            await wire.gone()
            left.set()

        async with Peer(handle, tls=tls) as peer, client() as transport:
            async with asyncio.TaskGroup() as group:
                asking = group.create_task(ask(transport, peer.origin))
                await asked.wait()
                asking.cancel()
            await left.wait()
            assert repr(transport) == "<HttpTransport 0 connections, 0 idle>"

    run(story())


@on_both_loops
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_request_can_be_cancelled_at_any_step(run: Run, tls: bool) -> None:
    async def story() -> None:
        async with Peer(always(HELLO), tls=tls) as peer, client() as transport:
            for steps in range(30):
                asking: asyncio.Task[Answer]
                async with asyncio.TaskGroup() as group:
                    asking = group.create_task(ask(transport, peer.origin))
                    for _ in range(steps):
                        await asyncio.sleep(0)
                    asking.cancel()
                if not asking.cancelled():
                    asking.result().close()
            assert await fetch(transport, peer.origin) == (200, (), b"hello")

    run(story())


@on_both_loops
def test_the_end_of_the_transport_is_the_end_of_its_answers(run: Run) -> None:
    async def handle(wire: Wire) -> None:
        await wire.request()
        await wire.send(BEGUN)
        await wire.gone()

    async def story() -> None:
        async with Peer(handle) as peer:
            transport = HttpTransport(Egress())
            answer = await ask(transport, peer.origin)
            await transport.aclose()
            await transport.aclose()
            assert await answer.read(PATIENCE) == b"he"
            assert (await failure_of(answer.read(PATIENCE))).failure is Failure.RESET
            assert not (await failure_of(ask(transport, peer.origin))).sent
            await peer.left()
            assert repr(transport) == "<HttpTransport 0 connections, 0 idle>"

    run(story())


@on_both_loops
def test_a_connection_that_is_closed_as_soon_as_it_is_open(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Dialer.connect

    async def connect(self: Dialer, origin: Origin, connection: asyncio.BaseProtocol, connect_timeout: float) -> None:
        await real(self, origin, connection, connect_timeout)
        assert isinstance(connection, Connection)
        connection.abort()
        for _ in range(5):
            await asyncio.sleep(0)

    monkeypatch.setattr(Dialer, "connect", connect)

    async def story() -> None:
        async with Peer(always(HELLO)) as peer, client() as transport:
            error = await failure_of(ask(transport, peer.origin))
            assert (error.failure, error.sent) == (Failure.RESET, False)

    run(story())


def test_a_request_does_not_show_in_what_is_printed() -> None:
    async def story() -> None:
        async with Peer(always(HELLO)) as peer, client() as transport:
            answer = await ask(transport, peer.origin, b"secret")
            assert repr(answer) == "<IncomingAnswer 200, 5 bytes unread, over>"
            assert request_to(peer.origin).origin == peer.origin

    asyncio.run(story())
