"""A transport that writes less often: what is written within one turn of the event loop leaves in one piece.

uvicorn writes the head, each event and the end of a body apart, and each would cost a system call and a wake-up of the
client.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

MAX_GATHERED_BYTES: Final = 64 * 1024
"""What is gathered at most, as much as a transport holds before it asks its writer to wait: it must get to know."""


class CoalescingTransport:
    """A transport that writes once for each turn of the event loop, or each `MAX_GATHERED_BYTES`."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        if not self._pieces:
            self._loop.call_soon(self._flush)
        self._pieces.append(data)
        self._size += len(data)
        if self._size > MAX_GATHERED_BYTES:
            self._flush()

    def _flush(self) -> None:
        pieces, self._pieces = self._pieces, []
        self._size = 0
        if pieces:
            self._transport.write(pieces[0] if len(pieces) == 1 else b"".join(pieces))

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
