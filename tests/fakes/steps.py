"""The steps of a script: each is one thing that a provider does while it answers a request."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol

from fakes.server_connection import ServerConnection

ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class Step(Protocol):
    """One thing that a provider does."""

    async def play(self, connection: ServerConnection) -> None: ...


Script = Sequence[Step]
"""The answer to one request. After it the connection is kept for the next request, if the framing allows."""


def error_body(kind: str, message: str) -> bytes:
    """Write an error in the form of the Messages API."""
    error = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_fake"}
    return json.dumps(error).encode()


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """Write the head of an answer, the blank line included."""
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Unknown"
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} {phrase}\r\n{fields}\r\n".encode("latin-1")


@dataclass(frozen=True, slots=True)
class Status:
    """A whole answer; without a body it is an error in Anthropic's form."""

    code: int
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    async def play(self, connection: ServerConnection) -> None:
        body = self.body
        if body is None:
            body = error_body(ERROR_TYPES.get(self.code, "api_error"), f"scripted {self.code}")
        fields = {"content-type": "application/json", "request-id": "req_fake", **self.headers}
        await connection.send(head(self.code, {**fields, "content-length": str(len(body))}) + body)


@dataclass(frozen=True, slots=True)
class Head:
    """A head as given. The body is what follows, up to the end of the connection."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    async def play(self, connection: ServerConnection) -> None:
        connection.reusable = False
        await connection.send(head(self.status, self.headers))


@dataclass(frozen=True, slots=True)
class Stream:
    """The head of an event stream: each event that follows is a chunk of its own."""

    headers: Mapping[str, str] = field(default_factory=dict)

    async def play(self, connection: ServerConnection) -> None:
        fields = {"content-type": "text/event-stream; charset=utf-8", "request-id": "req_fake", **self.headers}
        connection.chunked = True
        await connection.send(head(200, {**fields, "transfer-encoding": "chunked"}))


@dataclass(frozen=True, slots=True)
class Event:
    """A server-sent event; `data` is sent as JSON, with `name` as its type unless it has one."""

    name: str
    data: Mapping[str, Any] = field(default_factory=dict)

    async def play(self, connection: ServerConnection) -> None:
        await connection.send_body(self.encode())

    def encode(self) -> bytes:
        """Return the event in UTF-8; half a character, which UTF-8 does not have, makes it all escapes."""
        event = {"type": self.name, **self.data}
        data = json.dumps(event, separators=(",", ":"), ensure_ascii=False)
        if any("\ud800" <= character <= "\udfff" for character in data):
            data = json.dumps(event, separators=(",", ":"))
        return f"event: {self.name}\ndata: {data}\n\n".encode()


@dataclass(frozen=True, slots=True)
class Text:
    """A whole text block in this many deltas."""

    text: str
    deltas: int = 3
    index: int = 0

    async def play(self, connection: ServerConnection) -> None:
        for event in self.events():
            await event.play(connection)

    def events(self) -> list[Event]:
        start = Event("content_block_start", {"index": self.index, "content_block": {"type": "text", "text": ""}})
        size = -(-len(self.text) // self.deltas)
        parts = [self.text[at : at + size] for at in range(0, len(self.text), size)]
        return [
            start,
            *(text_delta(part, self.index) for part in parts),
            Event("content_block_stop", {"index": self.index}),
        ]


def text_delta(text: str, index: int = 0) -> Event:
    """Return the event that carries a piece of text."""
    return Event("content_block_delta", {"index": index, "delta": {"type": "text_delta", "text": text}})


@dataclass(frozen=True, slots=True)
class Body:
    """A piece of the body, framed as the head announced."""

    data: bytes

    async def play(self, connection: ServerConnection) -> None:
        await connection.send_body(self.data)


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes as they are, below any framing."""

    data: bytes

    async def play(self, connection: ServerConnection) -> None:
        connection.reusable = False
        await connection.send(self.data)


@dataclass(frozen=True, slots=True)
class Drip:
    """The same bytes again and again, one at a time, until the client leaves."""

    data: bytes
    pause: float = 0.01

    async def play(self, connection: ServerConnection) -> None:
        at = 0
        while True:
            await connection.send_body(self.data[at : at + 1])
            await asyncio.sleep(self.pause)
            at = (at + 1) % len(self.data)


@dataclass(frozen=True, slots=True)
class Repeat:
    """An event again and again until the client leaves, such as endless pings."""

    event: Event
    pause: float = 0.01

    async def play(self, connection: ServerConnection) -> None:
        while True:
            await self.event.play(connection)
            await asyncio.sleep(self.pause)


@dataclass(frozen=True, slots=True)
class Stall:
    """Silence until the client leaves or the test ends."""

    async def play(self, connection: ServerConnection) -> None:
        await asyncio.Event().wait()


@dataclass(frozen=True, slots=True)
class Wait:
    """Silence until the test opens the gate, which is a `threading.Event` if the test is in another thread."""

    gate: asyncio.Event | threading.Event

    async def play(self, connection: ServerConnection) -> None:
        if isinstance(self.gate, asyncio.Event):
            await self.gate.wait()
        else:
            await asyncio.to_thread(self.gate.wait)


@dataclass(frozen=True, slots=True)
class Reached:
    """Tell the test that the script has reached this step."""

    mark: asyncio.Event | threading.Event

    async def play(self, connection: ServerConnection) -> None:
        self.mark.set()


@dataclass(frozen=True, slots=True)
class Cut:
    """Break the connection with a reset."""

    async def play(self, connection: ServerConnection) -> None:
        connection.cut()


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection in the ordinary way, whatever was announced."""

    async def play(self, connection: ServerConnection) -> None:
        await connection.close()


@dataclass(frozen=True, slots=True)
class RefuseToRead:
    """As a script's first step: the request's body stays unread in the socket."""

    async def play(self, connection: ServerConnection) -> None:
        connection.reusable = False
