"""Time limits, slow readers, slow uploads, and answers that come before the request has left."""

from __future__ import annotations

import asyncio
import socket

import pytest

from claude_proxy.core.memory_budget import MemoryBudget
from claude_proxy.core.types import Origin
from claude_proxy.net.upstream import connection
from claude_proxy.net.upstream.answer import IncomingAnswer
from claude_proxy.proxy.ports import Failure
from fakes.async_test import on_both_loops, on_python_loop, run_ready_callbacks
from fakes.server import PATIENCE, FakeServer
from fakes.server_connection import ServerConnection
from net.upstream_client import always, ask, failure_of, open_transport, read_all, until

SOON = 0.05
"""Seconds until a limit that a test wants to see strike."""

MIB = 1024 * 1024


@on_both_loops
async def test_silence_after_the_request_is_a_timeout() -> None:
    left = asyncio.Event()

    async def handle(connection: ServerConnection) -> None:
        await connection.wait_until_left()
        left.set()

    async with FakeServer(handle) as server, open_transport() as transport:
        with pytest.raises(TimeoutError):
            await ask(transport, server.origin, b"x" * 100_000, head_timeout=SOON)
        await left.wait()


@on_both_loops
async def test_a_head_that_never_ends_is_a_timeout() -> None:
    async def handle(connection: ServerConnection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\n")
        while True:
            await connection.send(b"a: b\r\n")
            await asyncio.sleep(SOON / 10)

    async with FakeServer(handle) as server, open_transport() as transport:
        with pytest.raises(TimeoutError):
            await ask(transport, server.origin, head_timeout=SOON)


@on_both_loops
async def test_reading_can_go_on_after_a_timeout_in_the_body() -> None:
    go_on = asyncio.Event()

    async def handle(connection: ServerConnection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        await go_on.wait()
        await connection.send(b"5\r\nhello\r\n0\r\n\r\n")
        await connection.wait_until_left()

    async with FakeServer(handle) as server, open_transport() as transport:
        answer = await ask(transport, server.origin)
        for timeout in (SOON, SOON / 2, SOON):
            with pytest.raises(TimeoutError):
                await answer.read(timeout)
        go_on.set()
        assert await read_all(answer) == b"hello"


@on_both_loops
async def test_cancelling_a_read_leaves_the_answer_readable() -> None:
    go_on = asyncio.Event()

    async def handle(connection: ServerConnection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")
        await go_on.wait()
        await connection.send(b"hello")
        await connection.wait_until_left()

    async with FakeServer(handle) as server, open_transport() as transport:
        answer = await ask(transport, server.origin)
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(answer.read(PATIENCE))
            await asyncio.sleep(0)
            reading.cancel()
        go_on.set()
        assert await read_all(answer) == b"hello"


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@on_both_loops
async def test_what_waits_does_not_grow_while_it_is_read_in_small_parts(tls: bool) -> None:
    async def handle(connection: ServerConnection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (64 * MIB))
        for _ in range(64):
            await connection.send(b"x" * MIB)
        await connection.wait_until_left()

    async with FakeServer(handle, tls=tls) as server, open_transport() as transport:
        answer = await ask(transport, server.origin)
        assert isinstance(answer, IncomingAnswer)
        most = 0
        for _ in range(100):
            await answer.read(PATIENCE)
            await run_ready_callbacks(30)
            most = max(most, answer._message.unread)
        answer.close()
    assert most <= 3 * connection.MAX_UNREAD_BYTES


@pytest.mark.parametrize("end", ["read", "closed", "cut"])
@on_both_loops
async def test_what_waits_to_be_read_is_counted_until_it_is_read_or_the_connection_is_gone(end: str) -> None:
    go_on = asyncio.Event()

    async def handle(connection: ServerConnection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (2 * MIB))
        connection.writer.write(b"x" * MIB)
        if end == "cut":
            await go_on.wait()
            connection.cut()
        else:
            connection.writer.write(b"x" * MIB)
            await connection.writer.drain()
            await connection.wait_until_left()

    budget = MemoryBudget(limit=0)
    async with FakeServer(handle) as server, open_transport(memory=budget.share()) as transport:
        answer = await ask(transport, server.origin)
        await until(lambda: budget.held > connection.MAX_UNREAD_BYTES)
        assert budget.held <= 3 * connection.MAX_UNREAD_BYTES
        go_on.set()
        if end == "read":
            assert len(await read_all(answer)) == 2 * MIB
        elif end == "closed":
            answer.close()
        else:
            await failure_of(read_all(answer))
        await until(lambda: budget.held == 0)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("body_mib", [64], ids=["64MiB"])
@on_both_loops
async def test_a_slow_reader_slows_the_server_and_loses_nothing(tls: bool, body_mib: int) -> None:
    sent = 0
    stuck = asyncio.Event()

    async def handle(connection: ServerConnection) -> None:
        nonlocal sent
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (body_mib * MIB))
        for _ in range(body_mib):
            connection.writer.write(b"x" * MIB)
            sent += 1
            try:
                async with asyncio.timeout(SOON):
                    await connection.writer.drain()
            except TimeoutError:
                stuck.set()
                await connection.writer.drain()
        await connection.wait_until_left()

    async with FakeServer(handle, tls=tls) as server, open_transport() as transport:
        answer = await ask(transport, server.origin)
        await stuck.wait()
        assert sent < body_mib
        pieces = [len(await answer.read(PATIENCE))]
        while piece := await answer.read(PATIENCE):
            pieces.append(len(piece))
        assert sum(pieces) == body_mib * MIB
        assert max(pieces) <= 3 * connection.MAX_UNREAD_BYTES


@on_both_loops
async def test_an_answer_that_is_read_late_still_leaves_its_connection_usable() -> None:
    size = 2 * connection.MAX_UNREAD_BYTES

    all_sent = asyncio.Event()

    async def handle(connection: ServerConnection) -> None:
        while True:
            await connection.request()
            await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size, b"x" * size)
            all_sent.set()

    async with FakeServer(handle) as server, open_transport() as transport:
        for _ in range(3):
            answer = await ask(transport, server.origin)
            await all_sent.wait()
            assert len(await read_all(answer)) == size
        assert server.connections_made == 1


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@on_both_loops
async def test_a_slow_upload_has_time_while_it_makes_progress(tls: bool) -> None:
    async def handle(connection: ServerConnection) -> None:
        head = await connection.request(with_body=False)
        left = int(head.header("content-length") or 0)
        while left:
            await connection.read_exactly(MIB)
            left -= MIB
            await asyncio.sleep(SOON if left > 10 * MIB else 0)
        await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        await connection.wait_until_left()

    async with FakeServer(handle, tls=tls) as server, open_transport() as transport:
        answer = await ask(transport, server.origin, b"x" * (24 * MIB), head_timeout=4 * SOON)
        assert await read_all(answer) == b"ok"


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@on_both_loops
async def test_an_upload_without_progress_is_a_timeout(tls: bool) -> None:
    done = asyncio.Event()

    async def handle(connection: ServerConnection) -> None:
        await connection.request(with_body=False)
        await done.wait()

    async with FakeServer(handle, tls=tls) as server, open_transport() as transport:
        with pytest.raises(TimeoutError):
            await ask(transport, server.origin, b"x" * (24 * MIB), head_timeout=SOON)
        done.set()


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@on_both_loops
async def test_an_upload_that_is_read_too_slowly_is_a_timeout(tls: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MIN_UPLOAD_RATE", 1024 * MIB)

    async def handle(connection: ServerConnection) -> None:
        await connection.request(with_body=False)
        while True:
            await connection.read_exactly(MIB // 4)
            await asyncio.sleep(SOON / 2)

    async with FakeServer(handle, tls=tls) as server, open_transport() as transport:
        with pytest.raises(TimeoutError):
            await ask(transport, server.origin, b"x" * (24 * MIB), head_timeout=SOON)


@pytest.mark.parametrize("ending", ["end", "reset"])
@on_both_loops
async def test_an_early_refusal_is_returned_although_the_request_was_not_sent_whole(ending: str) -> None:
    has_read = asyncio.Event()

    async def handle(connection: ServerConnection) -> None:
        await connection.request(with_body=False)
        await connection.send(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nno!")
        await has_read.wait()
        if ending == "reset":
            connection.cut()

    async with FakeServer(handle) as server, open_transport() as transport:
        answer = await ask(transport, server.origin, b"x" * (24 * MIB))
        assert (answer.status, await read_all(answer)) == (413, b"no!")
        has_read.set()
        assert repr(transport).endswith(" 0 idle>")


@on_both_loops
async def test_an_early_refusal_is_returned_although_the_connection_breaks_after_it() -> None:
    """The server closes with most of the request unread, so its system sends RST."""

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)

        async def refuse() -> None:
            loop = asyncio.get_running_loop()
            sock, _ = await loop.sock_accept(server)
            with sock:
                await loop.sock_recv(sock, 1000)
                await loop.sock_sendall(sock, b"HTTP/1.1 429 Slow Down\r\ncontent-length: 3\r\n\r\nno!")

        async with open_transport() as transport, asyncio.TaskGroup() as group:
            group.create_task(refuse())
            origin = Origin("http", "127.0.0.1", server.getsockname()[1])
            answer = await ask(transport, origin, b"x" * (24 * MIB))
            assert (answer.status, await read_all(answer)) == (429, b"no!")


@on_both_loops
async def test_an_answer_that_breaks_off_ends_the_upload_too() -> None:
    done = asyncio.Event()

    async def handle(connection: ServerConnection) -> None:
        await connection.request(with_body=False)
        await connection.send(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 9\r\n\r\nno!")
        connection.writer.write_eof()
        await done.wait()

    async with FakeServer(handle) as server, open_transport() as transport:
        answer = await ask(transport, server.origin, b"x" * (24 * MIB))
        assert await answer.read(PATIENCE) == b"no!"
        assert (await failure_of(answer.read(PATIENCE))).failure is Failure.TRUNCATED
        await until(lambda: repr(transport) == "<HttpTransport 0 connections, 0 idle>")
        done.set()


@on_both_loops
async def test_the_time_for_the_head_starts_anew_when_the_request_has_been_sent() -> None:
    async def handle(connection: ServerConnection) -> None:
        await connection.wait_until_left()

    async with FakeServer(handle) as server, open_transport() as transport, asyncio.TaskGroup() as group:
        asking = group.create_task(ask(transport, server.origin))
        await until(lambda: "1 connections" in repr(transport))
        (busy,) = transport._connections
        before = busy._deadline.at
        await asyncio.sleep(0.001)
        busy.resume_writing()
        assert busy._deadline.at > before
        asking.cancel()


@on_python_loop
async def test_a_closed_connection_leaves_no_timer() -> None:
    loop = asyncio.get_running_loop()
    async with (
        FakeServer(always(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")) as server,
        open_transport() as transport,
    ):
        await read_all(await ask(transport, server.origin))
    timers = [timer for timer in loop._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]
    assert timers == []


@on_both_loops
async def test_a_break_during_the_upload_is_a_reset() -> None:
    async def handle(connection: ServerConnection) -> None:
        await connection.request(with_body=False)
        connection.cut()

    async with FakeServer(handle) as server, open_transport() as transport:
        error = await failure_of(ask(transport, server.origin, b"x" * (24 * MIB)))
        assert (error.failure, error.sent) == (Failure.RESET, True)


@on_both_loops
async def test_a_thousand_events_are_read_as_they_arrive() -> None:
    async def handle(connection: ServerConnection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        for number in range(1000):
            await connection.send(b"5\r\n%04d\n\r\n" % number)
            await asyncio.sleep(0)
        await connection.send(b"0\r\n\r\n")

    async with FakeServer(handle) as server, open_transport() as transport:
        answer = await ask(transport, server.origin)
        assert (await read_all(answer)).split() == [b"%04d" % number for number in range(1000)]
