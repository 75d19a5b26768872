"""An answer as its reader sees it."""

from __future__ import annotations

import asyncio
from typing import Protocol

from claude_proxy.core.types import Headers
from claude_proxy.net.upstream.deadline import Deadline
from claude_proxy.net.upstream.decoding import GZIP_MAGIC, DecodedAnswer, inflater
from claude_proxy.net.upstream.head import Head
from claude_proxy.net.upstream.incoming_message import IncomingMessage


class BodySource(Protocol):
    """What an answer needs of the connection that feeds it."""

    def resume(self) -> None:
        """Read on from the socket."""
        ...

    def abort(self) -> None:
        """Close the socket at once."""
        ...


class IncomingAnswer:
    """`ports.Answer` over one connection, the body as it is on the wire. One reader at a time.

    Once the message is over, the connection may already serve another request: it is not touched from here any more.
    With `sniffs`, a body that begins as gzip is decoded, though its head does not say so.
    """

    __slots__ = ("_deadline", "_head", "_message", "_sniffs", "_source", "_unzipped", "headers", "status", "waited")

    def __init__(
        self,
        head: Head,
        message: IncomingMessage,
        source: BodySource,
        deadline: Deadline,
        waited: float,
        *,
        sniffs: bool = False,
    ) -> None:
        self._head = head
        self._sniffs = sniffs
        self._unzipped: DecodedAnswer | None = None
        self.status = head.status
        self.waited = waited
        self.headers: Headers = head.headers
        self._message = message
        self._source = source
        self._deadline = deadline

    def __repr__(self) -> str:
        unread = sum(map(len, self._message.pieces))
        return f"<IncomingAnswer {self.status}, {unread} bytes unread{', over' * self._message.over}>"

    async def read(self, timeout: float) -> bytes:
        """Return what has arrived of the body, as `ports.Answer` promises."""
        if self._unzipped is not None:
            return await self._unzipped.read(timeout)
        message = self._message
        if not message.pieces and not message.over:
            self._deadline.start(timeout)
            while not message.pieces and not message.over:
                await self._deadline.wait()
        if message.pieces:
            data = message.take()
            if self._sniffs:
                self._sniffs = False
                if data[0] == GZIP_MAGIC:
                    return await self._unzip(data, timeout)
            if message.pieces:
                await asyncio.sleep(0)  # a long answer that has come at once: let other requests go on
            if not message.over:
                self._source.resume()
            return data
        if message.error is not None:
            raise message.error.again()
        return b""

    async def _unzip(self, data: bytes, timeout: float) -> bytes:
        self._message.put_back(data)
        raw = IncomingAnswer(self._head, self._message, self._source, self._deadline, self.waited)
        self._unzipped = DecodedAnswer(raw, inflater(), self._deadline.now)
        return await self._unzipped.read(timeout)

    def close(self) -> None:
        """Release the connection, as `ports.Answer` promises."""
        if not self._message.over:
            self._source.abort()
