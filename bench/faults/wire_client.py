"""A client that takes an answer as it comes, whatever it is, and keeps all of it."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import httptools
from bench.faults.answers import TOOL
from bench.faults.faults import Kind

PATIENCE: Final = 10.0
"""Seconds without anything but pings after which an answer counts as hanging."""

LIMIT: Final = 40.0
"""Seconds that an answer may take in all."""

MODEL: Final = "claude-opus-5-5"
_FILE: Final = {"type": "object", "properties": {"file_path": {"type": "string"}, "content": {"type": "string"}}}


@dataclass(slots=True)
class Received:
    """All of an answer."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    hung: bool = False
    broken: bool = False
    """Whether the connection ended within the answer."""

    seconds: float = 0.0


class _Parser:
    """Reads one HTTP answer; httptools calls its methods."""

    def __init__(self) -> None:
        self.received = Received()
        self.over = False
        self._parser = httptools.HttpResponseParser(self)
        self._head_over = False

    def feed(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.received.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.received.status = self._parser.get_status_code()
        self._head_over = True

    def on_body(self, data: bytes) -> None:
        self.received.body += data

    def on_message_complete(self) -> None:
        self.over = True

    @property
    def ends_with_connection(self) -> bool:
        """Whether nothing but the end of the connection ends the body."""
        headers = self.received.headers
        return self._head_over and "content-length" not in headers and "transfer-encoding" not in headers


def body_of(kind: Kind) -> dict[str, Any]:
    """Return the request of a kind."""
    tool = {"name": TOOL, "description": "Write a file.", "input_schema": _FILE}
    prompt = {"role": "user", "content": "Write the verse."}
    body: dict[str, Any] = {"model": MODEL, "max_tokens": 4096, "messages": [prompt], "stream": kind.streamed}
    return body | {"tools": [tool]} if kind is Kind.TOOLS else body


async def ask(port: int, token: str, kind: Kind, prefix: str = "") -> Received:
    """Send a request of a kind; return its answer, or what came of it. It goes over a connection of its own."""
    started, parser = time.monotonic(), _Parser()
    received = parser.received
    try:
        async with asyncio.timeout(LIMIT):
            await _exchange(port, _request(port, token, kind, prefix), parser)
    except TimeoutError:
        received.hung = True
    except (OSError, httptools.HttpParserError):
        received.broken = True
    received.seconds = time.monotonic() - started
    return received


async def _exchange(port: int, request: bytes, parser: _Parser) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        due = time.monotonic() + PATIENCE
        while not parser.over:
            async with asyncio.timeout(max(0.0, due - time.monotonic())):
                data = await reader.read(65536)
            if not data:
                parser.received.broken = not parser.ends_with_connection
                return
            parser.feed(data)
            if not _is_ping(data):
                due = time.monotonic() + PATIENCE
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def _is_ping(data: bytes) -> bool:
    """Whether nothing but pings and comments came: signs of life, but not of an answer."""
    lines = [line for line in data.split(b"\n") if line.startswith((b"data:", b":"))]
    return (
        bool(lines) and not data.startswith(b"HTTP/") and all(b'"ping"' in line or line[:1] == b":" for line in lines)
    )


def _request(port: int, token: str, kind: Kind, prefix: str) -> bytes:
    body = json.dumps(body_of(kind)).encode()
    fields = {
        "host": f"127.0.0.1:{port}",
        "authorization": f"Bearer {token}",
        "anthropic-version": "2023-06-01",
        "content-type": "application/json",
        "content-length": str(len(body)),
        "connection": "close",
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST {prefix}/v1/messages HTTP/1.1\r\n{head}\r\n".encode() + body
