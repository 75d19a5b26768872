"""A connection that has ended is freed at once: no timer and no cycle keeps it, or what it holds, in memory."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import pytest

from claude_proxy.net.client_connection import ClientConnection
from fakes.async_test import on_both_loops, run_ready_callbacks
from fakes.client import PATIENCE
from fakes.provider import FakeProvider
from fakes.proxy import running_proxy
from fakes.scripts import message, opening
from fakes.steps import Stall
from fakes.stream_checks import complete_text

HOST = b"Host: 127.0.0.1\r\n"
LEFT_AFTER = {
    "nothing": b"",
    "half a head": b"GET /health HTTP/1.1\r\n",
    "an answer": b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n",
    "many answers": (b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n") * 50,
    "a refusal": b"GET /v1/models HTTP/1.1\r\n" + HOST + b"\r\n",
    "a refused body": b"POST /v1/messages HTTP/1.1\r\n" + HOST + b"Content-Length: 99\r\n\r\nhalf",
    "nonsense": b"\0\r\n\r\n",
}


@contextmanager
def alive() -> Iterator[weakref.WeakSet[ClientConnection]]:
    """Collect the connections that are made and not freed; the garbage collector does not run meanwhile."""
    connections = weakref.WeakSet[ClientConnection]()
    real = ClientConnection.connection_made

    def connection_made(connection: ClientConnection, transport: asyncio.BaseTransport) -> None:
        connections.add(connection)
        real(connection, transport)

    gc.collect()
    gc.disable()
    try:
        with mock.patch.object(ClientConnection, "connection_made", connection_made):
            yield connections
    finally:
        gc.enable()


async def check_freed(connections: weakref.WeakSet[ClientConnection], left: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while len(connections) > left:
            await run_ready_callbacks(50)


@pytest.mark.parametrize("reset", [True, False], ids=["reset", "closed"])
@pytest.mark.parametrize("sent", LEFT_AFTER.values(), ids=LEFT_AFTER.keys())
@on_both_loops
async def test_a_connection_is_freed_when_its_client_leaves(sent: bytes, reset: bool) -> None:
    async with running_proxy(FakeProvider(message("hello"))) as proxy:
        with alive() as connections:
            connection = await proxy.connect()
            await connection.send(sent)
            other = await proxy.connect()
            assert (await proxy.ask("GET", "/health", connection=other)).status == 200  # by now that has come
            if reset:
                connection.hang_up()
            else:
                await connection.close()
            await check_freed(connections, left=1)


@pytest.mark.parametrize("within", [True, False], ids=["within the stream", "after the stream"])
@on_both_loops
async def test_a_connection_is_freed_when_its_client_resets_it(within: bool) -> None:
    fake = FakeProvider([*opening(), Stall()] if within else message("hello"))
    async with running_proxy(fake) as proxy:
        with alive() as connections:
            answer = await proxy.post()
            if within:
                await anext(answer.events())
            else:
                assert await complete_text(answer) == "hello"
            answer.hang_up()
            await check_freed(connections, left=0)
