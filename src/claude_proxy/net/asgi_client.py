"""The client as an exchange sees it, over ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, cast

from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, HTTPScope

from claude_proxy.core.types import Headers, Reply
from claude_proxy.net.client_connection import EXTENSION, ClientConnection
from claude_proxy.proxy.ports import ClientLeftError

MAX_DISCARDED_BYTES: Final = 64 * 1024 * 1024
"""How much of a body that is too large is read all the same, so that its sender gets to read why it is refused."""


def _count_nothing(size: int) -> None:
    """Let a body of any size pass."""


class AsgiClient:
    """Implements `ports.Client`. Made in the task that serves the request; cancels it when the client hangs up."""

    __slots__ = (
        "_connection",
        "_declared",
        "_receive",
        "_send",
        "_task",
        "_unread",
        "complete",
        "left",
        "query",
        "started",
        "streaming",
    )

    def __init__(self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        self._receive = receive
        self._send = send
        self._declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        self._unread = False
        self.query: bytes = scope["query_string"]
        self._connection = cast("ClientConnection", (scope["extensions"] or {})[EXTENSION])
        self._task = cast("asyncio.Task[None]", asyncio.current_task())
        self.left = False
        self.started = self.streaming = self.complete = False

    async def read_body(self, limit: int, hold: Callable[[int], object] = _count_nothing) -> bytes | None:
        self._unread = True
        if int(self._declared) > limit:
            return None
        pieces, size = list[bytes](), 0
        while True:
            message = await self._receive()
            if message["type"] != "http.request":
                self.left = True
                raise ClientLeftError
            pieces.append(message["body"])
            size += len(message["body"])
            if size > limit:
                return None
            hold(size)
            if not message["more_body"]:
                break
        self._unread = False
        self._connection.on_hang_up = self._hang_up
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _hang_up(self) -> None:
        self.left = True
        self._task.cancel()

    def release(self) -> None:
        """Let go of the connection, which may serve another client's request by now, and of the task that is over."""
        if self._connection.on_hang_up == self._hang_up:
            self._connection.on_hang_up = None

    async def start(self, status: int, headers: Headers) -> None:
        self.started = self.streaming = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def write(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def write_last(self, data: bytes) -> None:
        self.complete = True
        await self.write(data)

    async def send(self, reply: Reply) -> None:
        """Send a whole answer."""
        headers = (*reply.headers, (b"content-length", b"%d" % len(reply.body)))
        await self.start(reply.status, (*headers, (b"connection", b"close")) if self._unread else headers)
        self.streaming = False
        await self.write(reply.body)
        if self._unread:
            await self._discard()
        await self.end()

    async def _discard(self) -> None:
        """Read the rest of a refused body: closing while data is still arriving would lose the answer as well."""
        size = 0
        while size <= MAX_DISCARDED_BYTES:
            message = await self._receive()
            if message["type"] != "http.request" or not message["more_body"]:
                return
            size += len(message["body"])

    async def end(self) -> None:
        self._connection.on_hang_up = None
        self.streaming = False
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})
