"""One connection of a fake provider: requests read as they came, answers written byte for byte."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import sys
from dataclasses import dataclass
from typing import Any

READ_SIZE = 65536
LINGER_FORMAT = "hh" if sys.platform == "win32" else "ii"


class BadRequestError(AssertionError):
    """What came is not the HTTP/1.1 that a provider may expect: a fault of the one who sent it."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came: `headers` in their order and spelling, `connection` counted from 0."""

    method: str
    target: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    connection: int

    def header(self, name: str) -> str | None:
        """Return the one value of a header, None where it is missing. Raises `BadRequestError` where it came twice."""
        values = [value for key, value in self.headers if key.lower() == name.lower().encode()]
        if len(values) > 1:
            raise BadRequestError(f"{name} came {len(values)} times")
        return values[0].decode("latin-1") if values else None

    def json(self) -> Any:
        return json.loads(self.body)


class ServerConnection:
    """The other end of one connection; what a script's steps act upon."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self.number = number
        self.sent = 0
        self.chunked = False
        self.reusable = True
        self._reader = reader
        self._writer = writer
        self._seen = bytearray()

    async def read_head(self) -> Request | None:
        """Return the next request without its body, None where the peer has closed the connection between two."""
        while b"\r\n\r\n" not in self._seen:
            if not await self._read_more():
                if self._seen:
                    raise BadRequestError(f"closed within a request's head: {bytes(self._seen[:200])!r}")
                return None
        head, _, rest = bytes(self._seen).partition(b"\r\n\r\n")
        self._seen[:] = rest
        return parse_head(head, self.number)

    async def read_body(self, request: Request) -> bytes:
        """Return the request's body, as it is framed. Raises `BadRequestError` where it is cut short or ill formed."""
        length = request.header("content-length")
        if request.header("transfer-encoding") is None:
            return await self._read_exactly(int(length or 0))
        if length is not None:
            raise BadRequestError("both content-length and transfer-encoding")
        return await self._read_chunks()

    async def watch(self) -> None:
        """Return when the peer has left; what it sends meanwhile is kept for the next request."""
        while await self._read_more():
            pass

    async def send(self, data: bytes) -> None:
        """Write bytes as they are. Raises `ConnectionError` where the peer has left."""
        if self._writer.is_closing():
            raise ConnectionResetError  # uvloop would raise a RuntimeError
        self._writer.write(data)
        self.sent += len(data)
        await self._writer.drain()

    async def send_body(self, data: bytes) -> None:
        """Write a piece of the answer's body, in a chunk of its own where the head announced chunks."""
        await self.send(b"%x\r\n%s\r\n" % (len(data), data) if self.chunked else data)

    async def finish(self) -> None:
        """End the answer, and the connection too where nothing else marks the body's end."""
        if self.chunked:
            await self.send(b"0\r\n\r\n")
        if not self.reusable:
            await self.close()
        self.chunked = False

    def cut(self) -> None:
        """Reset the connection: the peer sees it break, not end."""
        raw = self._writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(LINGER_FORMAT, 1, 0))
        self._writer.transport.abort()

    async def close(self) -> None:
        """Close the connection in the ordinary way."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def abandon(self) -> None:
        """Let go of the connection without waiting for anybody to read what is still to be sent."""
        self._writer.transport.abort()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await self._writer.wait_closed()

    async def _read_more(self) -> bool:
        try:
            data = await self._reader.read(READ_SIZE)
        except ConnectionError:
            return False
        self._seen += data
        return bool(data)

    async def _read_exactly(self, size: int) -> bytes:
        while len(self._seen) < size:
            if not await self._read_more():
                raise BadRequestError(f"closed after {len(self._seen)} of {size} bytes of a body")
        data = bytes(self._seen[:size])
        del self._seen[:size]
        return data

    async def _read_line(self) -> bytes:
        while b"\r\n" not in self._seen:
            if not await self._read_more():
                raise BadRequestError("closed within a chunked body")
        line, _, rest = bytes(self._seen).partition(b"\r\n")
        self._seen[:] = rest
        return line

    async def _read_chunks(self) -> bytes:
        body = bytearray()
        while size := int(await self._read_line(), 16):
            body += await self._read_exactly(size)
            if await self._read_line():
                raise BadRequestError("a chunk longer than it says")
        while await self._read_line():
            pass
        return bytes(body)


def parse_head(head: bytes, connection: int) -> Request:
    """Take a request's head apart, without the blank line. Raises `BadRequestError`."""
    first, *lines = head.split(b"\r\n")
    words = first.decode("ascii").split(" ")
    if len(words) != 3 or words[2] != "HTTP/1.1":
        raise BadRequestError(f"not a request line: {first!r}")
    fields = [line.partition(b":") for line in lines]
    if any(not colon or name != name.strip() for name, colon, _ in fields):
        raise BadRequestError(f"not a header: {lines!r}")
    headers = tuple((name, value.strip()) for name, _, value in fields)
    return Request(words[0], words[1], headers, b"", connection)
