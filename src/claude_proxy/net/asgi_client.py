"""The client as an exchange sees it, over ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, HTTPScope

from claude_proxy.core.types import Headers, Reply
from claude_proxy.net.client_connection import EXTENSION, ClientConnection
from claude_proxy.proxy.ports import ClientLeftError


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
        "_unframed",
        "complete",
        "headers",
        "left",
        "path",
        "query",
        "started",
        "streaming",
    )

    def __init__(self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        self._receive = receive
        self._send = send
        self._declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        self._unframed = scope["http_version"] == "1.0"
        self.headers: Headers = cast("Headers", scope["headers"])
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]
        # taken out, since the connection holds the scope: nothing of both would be freed when it closes
        self._connection = cast("ClientConnection", (scope["extensions"] or {}).pop(EXTENSION))
        self._task = cast("asyncio.Task[None]", asyncio.current_task())
        self.left = False
        self.started = self.streaming = self.complete = False

    async def read_body(self, limit: int, hold: Callable[[int], object] = _count_nothing) -> bytes | None:
        if int(self._declared) > limit:
            return None
        pieces: list[bytes] = []
        size = 0
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
        self.streaming = True
        if self._unframed:
            self._connection.begin_unframed_body()
        await self._send_head(status, headers)

    async def _send_head(self, status: int, headers: Headers) -> None:
        self.started = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def write(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def write_last(self, data: bytes) -> None:
        self.complete = True
        await self.write(data)

    async def send(self, reply: Reply) -> None:
        """Send a whole answer. If the request has not come completely, it is the last one on this connection."""
        headers = (*reply.headers, (b"content-length", b"%d" % len(reply.body)))
        refused_early = self._connection.is_receiving
        await self._send_head(reply.status, (*headers, (b"connection", b"close")) if refused_early else headers)
        await self.write(reply.body)
        if refused_early:
            self._connection.linger_after_answer()
        await self._end()

    async def end(self) -> None:
        if self._unframed:
            self._connection.end_unframed_body()
        await self._end()

    async def break_off(self) -> bool:
        if self._unframed:
            return False
        self._connection.on_hang_up = None
        self.streaming = False
        self._connection.break_off()
        return True

    async def _end(self) -> None:
        self._connection.on_hang_up = None
        self.streaming = False
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})
