"""A raw HTTP/1.1 client that sees an answer as it arrives, and raises an error for what is malformed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any, Self

from fakes.server_connection import reset

PATIENCE = 20.0
"""Seconds without a byte after which a test fails."""


class MalformedError(AssertionError):
    """The answer breaks the rules of HTTP or of event streams."""


class BrokenError(Exception):
    """The connection ended within an answer."""


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """A server-sent event; `data` is its JSON."""

    name: str
    data: Any


class Answer:
    """An answer whose head has come. Its body can be read once, in any of these ways."""

    def __init__(self, status: int, headers: dict[str, str], connection: Connection, *, bodyless: bool) -> None:
        self.status = status
        self.headers = headers
        self._connection = connection
        self._bodyless = bodyless

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body in the sender's chunks. Raises `BrokenError` if it ends early."""
        if self._bodyless:
            return
        if self.headers.get("transfer-encoding") == "chunked":
            while size := int(await self._connection.read_line(), 16):
                yield await self._connection.read_exactly(size)
                await self._expect_blank()
            await self._expect_blank()
        elif "content-length" in self.headers:
            yield await self._connection.read_exactly(int(self.headers["content-length"]))
        else:
            raise MalformedError(f"no length and no chunks: {self.headers}")

    async def read(self) -> bytes:
        return b"".join([chunk async for chunk in self.chunks()])

    async def json(self) -> Any:
        return json.loads(await self.read())

    async def events(self) -> AsyncIterator[StreamEvent]:
        """Yield each event as soon as it is complete. Raises `MalformedError` if the body ends within one."""
        pending = b""
        async for chunk in self.chunks():
            *blocks, pending = (pending + chunk).split(b"\n\n")
            for event in filter(None, map(parse_event, blocks)):
                yield event
        if pending:
            raise MalformedError(f"the body ends within an event: {pending!r}")

    async def all_events(self) -> list[StreamEvent]:
        return [event async for event in self.events()]

    def hang_up(self) -> None:
        self._connection.hang_up()

    async def _expect_blank(self) -> None:
        line = await self._connection.read_line()
        if line:
            raise MalformedError(f"{line!r} after a chunk")


class Connection:
    """A connection to a server; requests go one after the other. `patience`: how long it waits for a byte."""

    patience = PATIENCE

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int, *, receive_buffer: int | None = None) -> Self:
        """Connect to 127.0.0.1. A small `receive_buffer` (bytes) lets a slow reader slow the server at once."""
        raw = socket.socket()
        if receive_buffer is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        raw.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", port))
        except OSError:
            raw.close()
            raise
        limit = receive_buffer or 2**16
        reader, writer = await asyncio.open_connection(sock=raw, limit=limit)
        return cls(reader, writer)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def ask(self, method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes = b"") -> Answer:
        """Send a request as given and return once the head of its answer has come; 1xx heads are skipped."""
        fields = "".join(f"{name}: {value}\r\n" for name, value in headers)
        await self.send(f"{method} {target} HTTP/1.1\r\n{fields}\r\n".encode("latin-1") + body)
        return await self.answer(method)

    async def answer(self, method: str = "POST") -> Answer:
        """Return the next answer, once its head has come."""
        status, headers = await self._read_head()
        while 100 <= status < 200:
            status, headers = await self._read_head()
        return Answer(status, headers, self, bodyless=method == "HEAD" or status in (204, 304))

    async def read_line(self) -> bytes:
        line = await self._read(self._reader.readuntil(b"\r\n"))
        return line[:-2]

    async def read_exactly(self, size: int) -> bytes:
        return await self._read(self._reader.readexactly(size))

    async def read_to_end(self) -> bytes:
        """Return what comes until the server closes."""
        return await self._read(self._reader.read())

    def hang_up(self) -> None:
        """Break the connection: the server sees a reset."""
        reset(self._writer)

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _read(self, reading: Any) -> bytes:
        try:
            async with asyncio.timeout(self.patience):
                return bytes(await reading)
        except TimeoutError:
            raise AssertionError(f"not a byte for {self.patience} s") from None
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise BrokenError(str(error)) from error

    async def _read_head(self) -> tuple[int, dict[str, str]]:
        first = (await self.read_line()).decode("ascii").split(" ", 2)
        if first[0] != "HTTP/1.1":
            raise MalformedError(f"not a status line: {first!r}")
        headers: dict[str, str] = {}
        while line := (await self.read_line()).decode("latin-1"):
            name, colon, value = line.partition(":")
            if not colon or name.lower() in headers:
                raise MalformedError(f"not a header, or one that came before: {line!r}")
            headers[name.lower()] = value.strip()
        return int(first[1]), headers


def parse_event(block: bytes) -> StreamEvent | None:
    """Parse one event, without its blank line; None if it is only comments.

    Raises `MalformedError` if it is not a name and its data.
    """
    lines = [line for line in block.decode().split("\n") if not line.startswith(":")]
    if not lines:
        return None
    if len(lines) != 2 or not lines[0].startswith("event: ") or not lines[1].startswith("data: "):
        raise MalformedError(f"not an event of the Messages API: {block!r}")
    name = lines[0].removeprefix("event: ")
    data = json.loads(lines[1].removeprefix("data: "))
    if data.get("type") != name:
        raise MalformedError(f"the event {name} calls itself {data.get('type')}")
    return StreamEvent(name, data)
