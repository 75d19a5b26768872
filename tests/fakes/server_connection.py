"""The server's end of a connection: requests read as they came, answers written byte for byte."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import sys
from dataclasses import dataclass, replace
from typing import Any

READ_SIZE = 65536
LINGER_FORMAT = "hh" if sys.platform == "win32" else "ii"


class BadRequestError(AssertionError):
    """A client sent what is not proper HTTP/1.1."""


class CutShortError(BadRequestError):
    """A client left within a request."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came: `headers` in their order and spelling, `connection` counted from 0."""

    method: str
    target: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    connection: int
    head: bytes = b""
    """The bytes of the head, with the blank line."""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    def header(self, name: str) -> str | None:
        """Return the one value of a header, None if it is missing. Raises `BadRequestError` if it came twice."""
        values = [value for key, value in self.headers if key.lower() == name.lower().encode()]
        if len(values) > 1:
            raise BadRequestError(f"{name} came {len(values)} times")
        return values[0].decode("latin-1") if values else None

    def json(self) -> Any:
        return json.loads(self.body)


class ServerConnection:
    """The server's end of one connection, counted from 0; the steps of a script act on it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self.number = number
        self.sent = 0
        self.chunked = False
        self.reusable = True
        self.reader = reader
        self.writer = writer
        self._seen = bytearray()

    async def read_head(self) -> Request | None:
        """Return the next request without its body, None if the client has left between two requests."""
        while b"\r\n\r\n" not in self._seen:
            if not await self._read_more():
                if self._seen:
                    raise CutShortError(f"closed within a request's head: {bytes(self._seen[:200])!r}")
                return None
        head, _, rest = bytes(self._seen).partition(b"\r\n\r\n")
        self._seen[:] = rest
        return parse_head(head, self.number)

    async def read_body(self, request: Request) -> Request:
        """Return the request with its body. Raises `BadRequestError` if that is cut short or malformed."""
        length = request.header("content-length")
        if request.header("transfer-encoding") is None:
            return replace(request, body=await self.read_exactly(int(length or 0)))
        if length is not None:
            raise BadRequestError("both content-length and transfer-encoding")
        return replace(request, body=await self._read_chunks())

    async def request(self, *, with_body: bool = True) -> Request:
        """Return the next request. Raises `ConnectionError` if the client leaves before its end."""
        try:
            request = await self.read_head()
            if request is not None:
                return await self.read_body(request) if with_body else request
        except CutShortError as error:
            raise ConnectionResetError from error
        raise ConnectionResetError

    async def wait_until_left(self) -> None:
        """Return once the client has left; what it sends meanwhile is kept for the next request."""
        while await self._read_more():
            pass

    async def send(self, *pieces: bytes) -> None:
        """Write bytes as they are. Raises `ConnectionError` if the client has left."""
        for data in pieces:
            if self.writer.is_closing():
                raise ConnectionResetError  # uvloop would raise a RuntimeError
            self.writer.write(data)
            self.sent += len(data)
            await self.writer.drain()

    async def send_body(self, data: bytes) -> None:
        """Write a piece of the answer's body, in a chunk of its own if the head announced chunks."""
        await self.send(b"%x\r\n%s\r\n" % (len(data), data) if self.chunked else data)

    async def finish(self) -> None:
        """End the answer, and the connection too if nothing else marks the body's end."""
        if self.chunked:
            await self.send(b"0\r\n\r\n")
        if not self.reusable:
            await self.close()
        self.chunked = False

    def cut(self) -> None:
        """Reset the connection: the client sees it break, not end."""
        reset(self.writer)

    async def close(self) -> None:
        """Close the connection in the ordinary way."""
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()

    async def abandon(self) -> None:
        """Drop the connection, with what is still to be sent."""
        self.writer.transport.abort()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await self.writer.wait_closed()

    async def _read_more(self) -> bool:
        try:
            data = await self.reader.read(READ_SIZE)
        except ConnectionError:
            return False
        self._seen += data
        return bool(data)

    async def read_exactly(self, size: int) -> bytes:
        while len(self._seen) < size:
            if not await self._read_more():
                raise CutShortError(f"closed after {len(self._seen)} of {size} bytes of a body")
        data = bytes(self._seen[:size])
        del self._seen[:size]
        return data

    async def _read_line(self) -> bytes:
        while b"\r\n" not in self._seen:
            if not await self._read_more():
                raise CutShortError("closed within a chunked body")
        line, _, rest = bytes(self._seen).partition(b"\r\n")
        self._seen[:] = rest
        return line

    async def _read_chunks(self) -> bytes:
        body = bytearray()
        while size := int(await self._read_line(), 16):
            body += await self.read_exactly(size)
            if await self._read_line():
                raise BadRequestError("a chunk longer than it says")
        while await self._read_line():
            pass
        return bytes(body)


def reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection with RST, so that the other end sees an error."""
    connected: socket.socket = writer.get_extra_info("socket")
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(LINGER_FORMAT, 1, 0))
    writer.transport.abort()


def parse_head(head: bytes, connection: int) -> Request:
    """Parse a request's head, without the blank line. Raises `BadRequestError`."""
    first, *lines = head.split(b"\r\n")
    words = first.decode("ascii").split(" ")
    if len(words) != 3 or words[2] != "HTTP/1.1":
        raise BadRequestError(f"not a request line: {first!r}")
    fields = [line.partition(b":") for line in lines]
    if any(not colon or name != name.strip() for name, colon, _ in fields):
        raise BadRequestError(f"not a header: {lines!r}")
    headers = tuple((name, value.strip()) for name, _, value in fields)
    return Request(words[0], words[1], headers, b"", connection, head + b"\r\n\r\n")
