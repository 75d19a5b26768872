"""A transport that writes less often: what is written within one turn of the event loop is sent in one piece.

uvicorn writes the head, each event and the end of a body separately. Each would cost a system call, and wake the
client.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

MAX_COALESCED_BYTES: Final = 64 * 1024
"""The most that is held back. A transport asks its writer to wait at the same size, so it must see the data by then."""


class CoalescingTransport:
    """A transport that writes once for each turn of the event loop, or each `MAX_COALESCED_BYTES`.

    What is written to a connection that has ended is dropped.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes] = []
        self._size = 0
        self.written = 0
        """Bytes that the transport has got."""

    def write(self, data: bytes) -> None:
        if not self._pieces:
            self._loop.call_soon(self._flush)
        self._pieces.append(data)
        self._size += len(data)
        if self._size > MAX_COALESCED_BYTES:
            self._flush()

    def _flush(self) -> None:
        pieces, self._pieces = self._pieces, []
        size, self._size = self._size, 0
        if pieces and not self._transport.is_closing():  # uvloop would raise an error
            self.written += size
            self._transport.write(pieces[0] if len(pieces) == 1 else b"".join(pieces))

    def write_eof(self) -> None:
        self._flush()
        if not self._transport.is_closing():
            self._transport.write_eof()

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
