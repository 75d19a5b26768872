"""The client of every measurement: a keep-alive connection that sends prepared requests, one after the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, cast

_TAIL: Final = 64
"""Bytes kept of an answer's end: `message_stop` and the last chunk."""


class UnexpectedAnswerError(Exception):
    """An answer that makes the figures worthless: not a 200, or incomplete."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer: seconds from the request to its first byte, and its first bytes."""

    first_byte: float
    opening: bytes


class Connection(asyncio.Protocol):
    """One connection, one request at a time. Answers must be chunked."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._waiter: asyncio.Future[Answered] | None = None
        self._whole = True
        self._sent_at = 0.0
        self._answered: Answered | None = None
        self._tail = b""

    async def exchange(self, request: bytes) -> Answered:
        """Send a request and wait for the end of the stream that answers it. Raises `UnexpectedAnswerError`."""
        answered = await self._send(request, whole=True)
        if b"message_stop" not in self._tail:
            raise UnexpectedAnswerError(f"a stream ended with {self._tail!r}")
        return answered

    async def open_stream(self, request: bytes) -> Answered:
        """Send a request and wait for the beginning of its answer. Raises `UnexpectedAnswerError`."""
        return await self._send(request, whole=False)

    async def _send(self, request: bytes, *, whole: bool) -> Answered:
        self._whole, self._answered, self._tail = whole, None, b""
        self._waiter = asyncio.get_running_loop().create_future()
        self._sent_at = time.perf_counter()
        self._transport.write(request)
        answered = await self._waiter
        if not answered.opening.startswith(b"HTTP/1.1 200 "):
            raise UnexpectedAnswerError(f"an answer began with {answered.opening[:300]!r}")
        return answered

    def close(self) -> None:
        """Hang up."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Note the time of the first byte, and look for the last chunk."""
        if self._answered is None:
            self._answered = Answered(time.perf_counter() - self._sent_at, data)
        self._tail = (self._tail + data[-_TAIL:])[-_TAIL:]
        if self._waiter and (not self._whole or self._tail.endswith(b"\r\n0\r\n\r\n")):
            self._waiter.set_result(self._answered)
            self._waiter = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the request that waits for an answer."""
        if self._waiter and not self._waiter.done():
            self._waiter.set_exception(UnexpectedAnswerError(f"connection closed within an answer ({exc})"))


@asynccontextmanager
async def connections(port: int, count: int) -> AsyncIterator[list[Connection]]:
    """Hold `count` connections to a port of this machine."""
    loop = asyncio.get_running_loop()
    opened = [(await loop.create_connection(Connection, "127.0.0.1", port))[1] for _ in range(count)]
    try:
        yield opened
    finally:
        for connection in opened:
            connection.close()
        await asyncio.sleep(0.05)  # the loop closes them in its next round, and what is stopped next waits for that
