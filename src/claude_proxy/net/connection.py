"""A client's connection: uvicorn's HTTP protocol, with two things that ASGI has no words for.

What is written within one turn of the event loop leaves in one piece: uvicorn writes the head, each event and the end
of a body apart, and each would cost a system call and a wake-up of the client. And who waits for a client to hang up
is called, instead of keeping a task that waits for a message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from claude_proxy.core.reply import refusal

EXTENSION: Final = "claude_proxy.connection"
"""The ASGI extension under which an application finds the connection that its request came by."""


READ_AHEAD_BYTES: Final = 1024 * 1024
"""How much of a body is taken in before anyone asks for it. uvicorn stops the socket at 64 KiB, and starts it again:
system calls that each request of Claude Code would pay for."""


class GatheringTransport:
    """A transport that writes once for each turn of the event loop."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._pieces:
            self._loop.call_soon(self._flush)
        self._pieces.append(data)

    def _flush(self) -> None:
        pieces, self._pieces = self._pieces, []
        if pieces:
            self._transport.write(pieces[0] if len(pieces) == 1 else b"".join(pieces))

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class ClientConnection(HttpToolsProtocol):
    """One connection; `on_hang_up` is called when the client closes it. Requests on it are served one by one."""

    on_hang_up: Callable[[], object] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        gathering = GatheringTransport(cast("asyncio.Transport", transport), self.loop)
        super().connection_made(cast("asyncio.Transport", gathering))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {EXTENSION: self}  # type: ignore[dict-item]

    def on_body(self, body: bytes) -> None:
        cycle = self.cycle
        if cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > READ_AHEAD_BYTES:
            self.flow.pause_reading()
        cycle.message_event.set()

    def send_400_response(self, msg: str) -> None:
        body = refusal("invalid_request_error", msg).body
        head = (
            b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n"
        )
        self.transport.write(head % len(body) + b"\r\n" + body)
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.on_hang_up:
            self.on_hang_up()
