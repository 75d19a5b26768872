"""A client below HTTP: it sends what it likes, as long as it likes, and reads only when it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable

from fakes.async_test import run_ready_callbacks
from fakes.client import PATIENCE

_TRIES = 20
"""Times that a socket must be full, each after the loop has had its turns, until it counts as stuck."""


class RawClient:
    """A socket connected to 127.0.0.1, with small buffers of its own."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected

    async def send_until_stuck(self, data: bytes, limit: int) -> int:
        """Send the same bytes again and again, without reading; return how many the server took.

        Stops at `limit` bytes, when the server no longer reads, and when it closes the connection.
        """
        total = stuck = 0
        while total < limit and stuck < _TRIES:
            try:
                total += self.socket.send(data[total % len(data) :])
                stuck = 0
            except BlockingIOError:
                stuck += 1
                await run_ready_callbacks(20)
            except ConnectionError:
                break
        return total

    async def send_all(self, data: bytes) -> None:
        """Send all of this. Raises `ConnectionError`, and an assertion if the server does not take it."""
        async with asyncio.timeout(PATIENCE):
            await asyncio.get_running_loop().sock_sendall(self.socket, data)

    async def read_until(self, enough: Callable[[bytes], bool]) -> bytes:
        """Return what comes until it is enough, or to the end of the connection."""
        received = bytearray()
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE):
            while not enough(bytes(received)):
                try:
                    data = await loop.sock_recv(self.socket, 2**20)
                except ConnectionError:
                    break
                if not data:
                    break
                received += data
        return bytes(received)

    async def read_to_end(self) -> bytes:
        return await self.read_until(lambda _: False)


@contextlib.asynccontextmanager
async def raw_client(port: int) -> AsyncIterator[RawClient]:
    with socket.socket() as connected:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        connected.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connected, ("127.0.0.1", port))
        yield RawClient(connected)
