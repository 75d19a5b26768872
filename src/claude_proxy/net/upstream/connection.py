"""One connection to a provider: one request at a time, one answer at a time."""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

from claude_proxy.core.memory_budget import MemoryShare
from claude_proxy.core.types import Origin
from claude_proxy.net.upstream import tcp
from claude_proxy.net.upstream.answer import IncomingAnswer
from claude_proxy.net.upstream.deadline import Deadline
from claude_proxy.net.upstream.decoding import DecodedAnswer, decoder_for
from claude_proxy.net.upstream.head import Head
from claude_proxy.net.upstream.incoming_message import IncomingMessage, UnansweredError
from claude_proxy.net.upstream.tcp import authority, limit_silence
from claude_proxy.net.upstream.tls import remember_session
from claude_proxy.proxy.ports import Answer, Failure, UpstreamRequest

MAX_UNREAD_BYTES = 256 * 1024
"""Body that waits to be read before reading from the socket pauses: as much as asyncio takes from one at once."""

RESUME_AT_BYTES = MAX_UNREAD_BYTES // 2
"""What may still wait when reading goes on. A reader takes less at a time than one read brings."""

MAX_WRITE_BYTES = 256 * 1024
"""What is handed to the transport at once. Most requests are smaller. TLS would encrypt a larger one in one go, and
then not say how much of it has left."""

MIN_UPLOAD_RATE = 4096
"""Bytes a second that a request must be read at, over the time for the head: any slower, and a provider that reads a
byte now and then would hold it for days. Over TLS, where progress shows only in parts, less was never enough."""


CLOCK_SLACK = 0.9
"""Of `tcp.STALE_AFTER`: the system counts in ticks of its own, of 1 to 10 ms."""


class ConnectionOwner(Protocol):
    """What keeps free connections for later requests: the pool."""

    def keep(self, connection: Connection) -> None:
        """Take back a connection that is free for another request."""
        ...

    def forget(self, connection: Connection) -> None:
        """Drop a connection that is closed."""
        ...


class Connection(asyncio.BufferedProtocol):
    """A socket, and the answer that is read from it.

    It is free while no answer is awaited. Anything that arrives then was not asked for, and closes it. The event loop
    reads into `buffer`. All connections of a loop can share one, since what was read is taken out before the next read.
    (For a protocol without a buffer, TLS makes a new one of 256 KiB for each record: a stream costs three times as
    much.) What waits to be read while reading is paused is counted in `memory`.
    """

    def __init__(self, origin: Origin, owner: ConnectionOwner, buffer: memoryview, memory: MemoryShare) -> None:
        self.origin = origin
        self.peer = authority(origin.host, origin.port)
        self._owner = owner
        self._buffer = buffer
        self._memory = memory
        self._deadline = Deadline(asyncio.get_running_loop())
        self._message: IncomingMessage | None = None
        self._transport: asyncio.Transport | None = None
        self._reading_paused = False
        self._writing_paused = False
        self._unwritten = memoryview(b"")
        self._unsent = 0
        self._head_timeout = 0.0
        self._is_limited = False
        self._next_check: asyncio.TimerHandle | None = None
        self._sent_at = 0.0
        self.keep_alive = b""
        """What the server said last of how long it keeps the connection."""

    def __repr__(self) -> str:
        state = "closed" if self.closed else "free" if self._message is None else "busy"
        return f"<Connection {self.peer} {state}>"

    @property
    def closed(self) -> bool:
        """Whether it can no longer be used; a close by the other side may not have been noticed yet."""
        return self._transport is None or self._transport.is_closing()

    async def send(self, request: UpstreamRequest, head_timeout: float) -> Answer:
        """Send a request and return its answer once the head is there.

        Raises `UnansweredError` if the connection was closed before, else the errors of `ports.Transport.open`. Part of
        the request may still be unsent when the answer is there: a server may refuse it early. Cancelling closes the
        connection.
        """
        message = self._message = IncomingMessage(self.peer)
        try:
            self._write(request)
            if self._is_limited:
                self._sent_at = self._deadline.now()
                self._plan_check(tcp.STALE_AFTER)
            head = await self._receive_head(message, head_timeout)
        except BaseException:
            self.abort()
            raise
        finally:
            if self._next_check is not None:
                self._next_check.cancel()
                self._next_check = None
        decoder = decoder_for(head.coding)
        waited = self._deadline.elapsed()
        answer = IncomingAnswer(head, message, self, self._deadline, waited, sniffs=decoder is None)
        return answer if decoder is None else DecodedAnswer(answer, decoder, self._deadline.now)

    def resume(self) -> None:
        """Continue to read from the socket, if that was paused and little is left that waits to be read."""
        message = self._message
        if message is not None and message.unread > RESUME_AT_BYTES:
            return
        if self._reading_paused and self._transport is not None:
            self._reading_paused = False
            self._memory.count(0)
            self._transport.resume_reading()

    def abort(self) -> None:
        """Close the socket at once."""
        if self._transport is not None:
            self._transport.abort()
        self._memory.count(0)
        message, self._message = self._message, None
        if message is not None:
            message.fail(Failure.RESET, "closed from this side")
            self._deadline.wake()

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = cast("asyncio.Transport", transport)
        # Almost without slack, so that `resume_writing` comes when all that was handed over has left. Not without any:
        # asyncio's TLS pauses when the limit is reached, and an empty buffer would reach a limit of 0, for good.
        self._transport.set_write_buffer_limits(high=1, low=0)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  a hint
        """Return where the event loop puts the next bytes."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Pass what came on to the answer; at its end, see whether the connection can serve another request."""
        message = self._message
        if message is None:
            self.abort()
            return
        message.feed(self._buffer[:nbytes])
        self._deadline.wake()
        if message.over:
            self._finish(message)
        elif message.unread > MAX_UNREAD_BYTES:
            self._memory.count(message.unread)
            self._pause()

    def pause_writing(self) -> None:
        """Hold back the rest of the request."""
        self._writing_paused = True

    def resume_writing(self) -> None:
        """Send the next part of the request; after the last one, start the time for the head anew."""
        self._writing_paused = False
        if self._unwritten:
            self._write_more()
        elif self._message is not None and self._message.head is None:
            self._deadline.start(self._head_timeout)

    def eof_received(self) -> None:
        """Close at once: the other side would not read what is still to be sent."""
        self._end_answer(None)
        self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the answer, if it waits for more."""
        self._end_answer(exc)
        self._deadline.cancel()
        self._memory.count(0)
        self._owner.forget(self)

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
            self._unwritten = memoryview(body)
            self._write_more()
        self._unsent = self._left_to_send()

    def _write_more(self) -> None:
        while self._unwritten and not self._writing_paused and self._transport is not None:
            part, self._unwritten = self._unwritten[:MAX_WRITE_BYTES], self._unwritten[MAX_WRITE_BYTES:]
            self._transport.write(part)

    def _left_to_send(self) -> int:
        """Return how many bytes of the request wait in this process, as far as can be seen."""
        return len(self._unwritten) + (0 if self._transport is None else self._transport.get_write_buffer_size())

    async def _receive_head(self, message: IncomingMessage, head_timeout: float) -> Head:
        """Return the head. Its time starts when the upload ends, or when it stops making progress."""
        self._head_timeout = head_timeout
        self._deadline.start(head_timeout)
        while message.head is None:
            if message.error is not None:
                raise message.error.again()
            try:
                await self._deadline.wait()
            except TimeoutError:
                if not self._upload_progressed():
                    raise
                self._deadline.start(head_timeout)
        return message.head

    def _upload_progressed(self) -> bool:
        """Return whether enough of the request has left since the last call, or the rest of it."""
        before, self._unsent = self._unsent, self._left_to_send()
        enough = min(before, self._head_timeout * MIN_UPLOAD_RATE)
        return self._unsent < before and before - self._unsent >= enough

    def _pause(self) -> None:
        if not self._reading_paused and self._transport is not None:
            self._reading_paused = True
            self._transport.pause_reading()

    def _finish(self, message: IncomingMessage) -> None:
        """Release an answer that is over."""
        self._message = None
        if not self._is_limited and self._transport is not None and message.error is None:
            remember_session(self._transport.get_extra_info("ssl_object"))
        if message.reusable and not self.closed and not self._left_to_send():
            self._limit_silence(message)
            self._owner.keep(self)
        else:
            self.abort()

    def _plan_check(self, seconds: float) -> None:
        """See in some seconds whether a connection that is used again is alive."""
        self._next_check = asyncio.get_running_loop().call_later(seconds, self._check_silence)

    def _check_silence(self) -> None:
        """End an answer whose request is not acknowledged; look again while some of it still waits for that."""
        message, transport = self._message, self._transport
        if message is None or transport is None or transport.is_closing():
            return
        silent = tcp.silence(transport.get_extra_info("socket"))
        since = self._deadline.now() - self._sent_at
        if silent is None or (not silent and not self._left_to_send()):
            return
        if min(silent, since) >= tcp.STALE_AFTER * CLOCK_SLACK:
            message.lose()
            self._deadline.wake()
        else:
            self._plan_check(tcp.STALE_AFTER / 4)

    def _limit_silence(self, message: IncomingMessage) -> None:
        """Limit how long the next requests may stay unacknowledged, once for all of them.

        Only on a connection that is used again: what a fresh one fails with is the provider's fault.
        """
        self.keep_alive = message.head.keep_alive if message.head else b""
        if self._is_limited or self._transport is None:
            return
        self._is_limited = True
        limit_silence(self._transport.get_extra_info("socket"), tcp.STALE_AFTER)

    def _end_answer(self, error: Exception | None) -> None:
        message, self._message = self._message, None
        if message is not None:
            message.connection_lost(error)
            self._deadline.wake()
