"""One connection to a provider: one request at a time, one answer at a time."""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

from claude_proxy.core.types import Origin
from claude_proxy.net.upstream.answer import IncomingAnswer
from claude_proxy.net.upstream.deadline import Deadline
from claude_proxy.net.upstream.decoding import DecodedAnswer, decoder_for
from claude_proxy.net.upstream.head import Head
from claude_proxy.net.upstream.incoming_message import IncomingMessage, UnansweredError
from claude_proxy.net.upstream.tcp import authority
from claude_proxy.proxy.ports import Answer, Failure, UpstreamRequest

MAX_UNREAD_BYTES = 256 * 1024
"""Body that waits to be read before the socket is left alone: as much as asyncio takes from one at once."""

MAX_WRITE_BYTES = 256 * 1024
"""What is handed to the transport at once. Most requests are smaller; TLS would encrypt a larger one in one go, and not
tell how much of it has left."""


class ConnectionOwner(Protocol):
    """Who holds the connections: the pool."""

    def keep(self, connection: Connection) -> None:
        """Take back a connection that is free for another request."""
        ...

    def forget(self, connection: Connection) -> None:
        """Hear that a connection is closed."""
        ...


class Connection(asyncio.BufferedProtocol):
    """A socket, and the answer that it is feeding.

    Free means that no answer is awaited; whatever comes then is unasked, and closes it. `buffer` is what the event loop
    reads into. All connections of a loop can share one, since what was read is taken out before the next read. (For a
    protocol without a buffer, TLS makes a new one of 256 KiB at each record: a stream then costs three times as much.)
    """

    def __init__(self, origin: Origin, keeper: ConnectionOwner, buffer: memoryview) -> None:
        self.origin = origin
        self.peer = authority(origin.host, origin.port)
        self._keeper = keeper
        self._buffer = buffer
        self._alarm = Deadline(asyncio.get_running_loop())
        self._message: IncomingMessage | None = None
        self._transport: asyncio.Transport | None = None
        self._reading_paused = False
        self._writing_paused = False
        self._cool_down = memoryview(b"")
        self._unsent = 0
        self._head_timeout = 0.0

    def __repr__(self) -> str:
        state = "closed" if self.closed else "free" if self._message is None else "busy"
        return f"<Connection {self.peer} {state}>"

    @property
    def closed(self) -> bool:
        """Whether it is of no more use; a close by the other side may not have been noticed yet."""
        return self._transport is None or self._transport.is_closing()

    async def send(self, request: UpstreamRequest, head_timeout: float) -> Answer:
        """Send a request and return its answer once the head is there.

        Raises `UnansweredError` where the connection was closed before, else as `ports.Transport.open`. The request may
        still be on its way when the answer is there: a server may refuse it early. Cancelling closes the connection.
        """
        message = self._message = IncomingMessage(self.peer)
        try:
            self._write(request)
            head = await self._arrival(message, head_timeout)
        except BaseException:
            self.abort()
            raise
        answer = IncomingAnswer(head, message, self, self._alarm, self._alarm.elapsed(head_timeout))
        decoder = decoder_for(head.coding)
        return answer if decoder is None else DecodedAnswer(answer, decoder)

    def resume(self) -> None:
        """Read on from the socket, where that had paused."""
        if self._reading_paused and self._transport is not None:
            self._reading_paused = False
            self._transport.resume_reading()

    def abort(self) -> None:
        """Close the socket at once."""
        if self._transport is not None:
            self._transport.abort()
        message, self._message = self._message, None
        if message is not None:
            message.fail(Failure.RESET, "closed from this side")
            self._alarm.wake()

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        # Almost without slack, so that `resume_writing` comes when all that was handed over has left. None at all would
        # not do: asyncio's TLS pauses when the limit is reached, and an empty buffer would reach it, for good.
        self._transport.set_write_buffer_limits(high=1, low=0)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  a hint
        """Tell where the next bytes go."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Feed the answer; at its end see whether the connection can serve another request."""
        message = self._message
        if message is None:
            self.abort()
            return
        message.feed(self._buffer[:nbytes])
        self._alarm.wake()
        if message.over:
            self._finish(message)
        elif message.unread > MAX_UNREAD_BYTES:
            self._pause()

    def pause_writing(self) -> None:
        """Wait with the rest of the request."""
        self._writing_paused = True

    def resume_writing(self) -> None:
        """Send the next part of the request; behind the last one, let the time for the head begin anew."""
        self._writing_paused = False
        if self._cool_down:
            self._write_rest()
        elif self._message is not None and self._message.head is None:
            self._alarm.set(self._head_timeout)

    def eof_received(self) -> None:
        """Close at once: what is still to be sent would not be read."""
        self._lose(None)
        self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the answer, if it waits for more."""
        self._lose(exc)
        self._alarm.stop()
        self._keeper.forget(self)

    # Inside.

    def _write(self, request: UpstreamRequest) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            raise UnansweredError(Failure.RESET, f"{self.peer}: connection closed before the request", sent=False)
        head, body = request.head, request.body
        if not body:
            transport.write(head)
        elif len(body) <= MAX_WRITE_BYTES:
            transport.writelines((head, body))
        else:
            transport.write(head)
            self._cool_down = memoryview(body)
            self._write_rest()
        self._unsent = self._left_to_send()

    def _write_rest(self) -> None:
        while self._cool_down and not self._writing_paused and self._transport is not None:
            part, self._cool_down = self._cool_down[:MAX_WRITE_BYTES], self._cool_down[MAX_WRITE_BYTES:]
            self._transport.write(part)

    def _left_to_send(self) -> int:
        """Return the bytes of the request that wait in this process, as far as one can see."""
        return len(self._cool_down) + (0 if self._transport is None else self._transport.get_write_buffer_size())

    async def _arrival(self, message: IncomingMessage, head_timeout: float) -> Head:
        """Return the head; its time begins when the upload ends, or stands still."""
        self._head_timeout = head_timeout
        self._alarm.set(head_timeout)
        while message.head is None:
            if message.error is not None:
                raise message.error
            try:
                await self._alarm.sleep()
            except TimeoutError:
                if not self._upload_progressed():
                    raise
                self._alarm.set(head_timeout)
        return message.head

    def _upload_progressed(self) -> bool:
        """Return whether any of the request has left since this was last asked."""
        before, self._unsent = self._unsent, self._left_to_send()
        return self._unsent < before

    def _pause(self) -> None:
        if not self._reading_paused and self._transport is not None:
            self._reading_paused = True
            self._transport.pause_reading()

    def _finish(self, message: IncomingMessage) -> None:
        """Part with an answer that is over."""
        self._message = None
        if message.reusable and not self.closed and not self._left_to_send():
            self._keeper.keep(self)
        else:
            self.abort()

    def _lose(self, error: Exception | None) -> None:
        message, self._message = self._message, None
        if message is not None:
            message.lost(error)
            self._alarm.wake()
