"""An answer as its reader sees it."""

from __future__ import annotations

import asyncio
from typing import Protocol

from claude_proxy.core.types import Headers
from claude_proxy.net.upstream.deadline import Deadline
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
    """

    __slots__ = ("_deadline", "_message", "_source", "headers", "status", "waited")

    def __init__(
        self, head: Head, message: IncomingMessage, source: BodySource, deadline: Deadline, waited: float
    ) -> None:
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
        message = self._message
        if not message.pieces and not message.over:
            self._deadline.start(timeout)
            while not message.pieces and not message.over:
                await self._deadline.wait()
        if message.pieces:
            data = message.take()
            if message.pieces:
                await asyncio.sleep(0)  # a long answer that has come at once: let other requests go on
            if not message.over:
                self._source.resume()
            return data
        if message.error is not None:
            raise message.error.again()
        return b""

    def close(self) -> None:
        """Release the connection, as `ports.Answer` promises."""
        if not self._message.over:
            self._source.abort()
