"""A client's connection: uvicorn's HTTP protocol, with a call that ASGI lacks and with limits that uvicorn lacks.

When a client hangs up, a function is called; no task has to wait for a message. Requests are parsed one at a time: what
comes behind a request waits unparsed until that is answered, and beyond a limit in the socket. The size of a request's
head is limited, and so is the time for sending it and for reading the answer. A request to switch to another protocol
is ignored, as RFC 9110 (7.8) allows.

    parse a request ──► answer it ──► parse the next ─ … ─► closed
          │                 │ refused before its body is there
          │ malformed, late ▼
          └────────────► linger: the answer is out, what still comes is dropped ──► closed
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable
from http import HTTPStatus
from typing import Final, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from claude_proxy.core.reply import refusal
from claude_proxy.net.coalescing_transport import CoalescingTransport
from claude_proxy.net.peer import has_left, reset_on_close
from claude_proxy.net.request_framing import RequestFraming
from claude_proxy.net.request_head import MalformedHeadError, check_head

EXTENSION: Final = "claude_proxy.connection"
"""The ASGI extension that holds the connection of a request."""

READ_AHEAD_BYTES: Final = 1024 * 1024
"""How much of a body is read before the application asks for it. uvicorn pauses the socket at 64 KiB and resumes it:
system calls that each request of Claude Code would pay for."""

MAX_HEAD_BYTES: Final = 64 * 1024
"""A request's whole head, or whatever else comes between two bytes of its body. Node accepts 16 KiB, nginx 32."""

MAX_WAITING_BYTES: Final = 64 * 1024
"""How much may come behind a request before reading pauses until that is answered: as much as a head."""

LOOK_INTERVAL: Final = 1.0
"""Seconds between two looks whether a client has left whose socket is not read."""

CLIENT_PATIENCE: Final = 60.0
"""Seconds that a client has for a request's head, between two pieces of its body, and to read anything of an answer; it
is noticed after up to a quarter more. nginx allows the same."""

CHECKS: Final = 4
"""How often a client is checked while the patience lasts."""

LINGER_IDLE: Final = 5.0
"""Seconds without a byte after which a connection that lingers is closed. nginx's `lingering_timeout`."""

MAX_LINGER: Final = 30.0
"""Seconds that a connection lingers at most, noticed at the next check. nginx's `lingering_time`."""

MAX_DISCARDED_BYTES: Final = 64 * 1024 * 1024
"""How much of a refused request is read all the same, so that its sender gets to read why it is refused."""

_REFUSAL_HEAD: Final = (
    b"HTTP/1.1 %d %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
)


class _HeadTooLargeError(Exception):
    """Makes the parser stop."""


class _NoTunnelsError(Exception):
    """Makes the parser stop: what follows the head of a CONNECT is no HTTP."""


class Connections(ServerState):
    """The connections of one listener."""

    closing = False
    """Whether the listener takes no more of them. One that was accepted just before may still be made."""


class ClientConnection(HttpToolsProtocol):
    """One connection; `on_hang_up` is called when the client closes it. Requests on it are served one by one."""

    # beyond 30 entries, Python would keep the attributes of uvicorn's part in a slower way
    __slots__ = (
        "_at",
        "_discarded",
        "_framing",
        "_idle_checks",
        "_linger_until",
        "_next_check",
        "_next_look",
        "_overhead",
        "_progressed",
        "_stays_to_linger",
        "_taken",
        "_waiting",
        "on_hang_up",
    )

    patience = CLIENT_PATIENCE
    linger_idle = LINGER_IDLE
    max_linger = MAX_LINGER

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        coalescing = CoalescingTransport(cast("asyncio.Transport", transport), self.loop)
        super().connection_made(cast("asyncio.Transport", coalescing))
        self.on_hang_up: Callable[[], object] | None = None
        self._framing = RequestFraming()
        self._waiting = b""  # what has come and is not parsed yet, from `_at` on
        self._at = 0
        self._overhead = 0  # bytes since the end of the last head or piece of a body
        self._progressed = False  # whether a request began or a piece of a body came since the last check
        self._taken = 0  # bytes of answers that the system had taken at the last check
        self._idle_checks = 0
        self._stays_to_linger = False
        self._linger_until = 0.0  # the loop's time; 0 while the connection serves requests
        self._discarded = 0
        self._next_look: asyncio.TimerHandle | None = None
        self._next_check = self.loop.call_later(self.patience / CHECKS, self._check)
        if cast("Connections", self.server_state).closing:
            coalescing.close()  # nobody would wait for the answer

    def data_received(self, data: bytes) -> None:
        if self._linger_until:
            self._discard(len(data))
            return
        if self._waiting:
            data = self._waiting[self._at :] + data
        self._waiting, self._at = data, 0
        self._parse_on()

    def connection_lost(self, exc: Exception | None) -> None:
        self._next_check.cancel()
        if self._next_look:
            self._next_look.cancel()
        self._waiting = b""
        super().connection_lost(exc)
        self._unset_keepalive_if_required()  # uvicorn leaves the timer after a reset; it would keep all this in memory
        on_hang_up, self.on_hang_up = self.on_hang_up, None
        if on_hang_up:
            on_hang_up()

    # Called by the application, in the task that answers a request.

    @property
    def is_receiving(self) -> bool:
        """Whether the request that is being answered has not come completely."""
        return self.cycle.more_body

    def linger_after_answer(self) -> None:
        """Close in good order after this answer, which says so: see `_linger`."""
        self._stays_to_linger = True
        self.cycle.keep_alive = True  # else uvicorn would close at once

    def break_off(self) -> None:
        """Close within the answer: what was written goes out, and the end of the body is missing."""
        self.cycle.disconnected = True  # else uvicorn logs that the answer has no end
        self.transport.close()

    def begin_unframed_body(self) -> None:
        """Let the body of an answer end with the connection, for an HTTP/1.0 client, which does not know chunks."""
        self.cycle.chunked_encoding = False
        self.cycle.expected_content_length = sys.maxsize

    def end_unframed_body(self) -> None:
        """Let the body that `begin_unframed_body` began end here."""
        self.cycle.expected_content_length = 0

    # Called by uvicorn, when an answer is complete.

    def on_response_complete(self) -> None:
        if self._stays_to_linger:
            self._linger()
            return
        super().on_response_complete()
        if self._waiting and not self.transport.is_closing():
            self._parse_on()

    # Called by the parser.

    def on_message_begin(self) -> None:
        self._progressed = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        if self._overhead > MAX_HEAD_BYTES:
            raise _HeadTooLargeError
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise _NoTunnelsError
            return
        length = check_head(self.parser.get_http_version(), self.url, self.headers)
        if self._is_answering():
            raise MalformedHeadError("two requests within one")  # `RequestFraming` and the parser disagree
        self._framing.expect_body(length)
        self._overhead = 0
        super().on_headers_complete()
        self.scope["extensions"] = {EXTENSION: self}  # type: ignore[dict-item]
        self.headers = []  # a new one for trailers: they are not part of the head

    def on_body(self, body: bytes) -> None:
        self._overhead = 0
        self._progressed = True
        cycle = self.cycle
        if cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > READ_AHEAD_BYTES:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_message_complete()
            self.flow.resume_reading()  # else it would not be noticed that the client hangs up

    # Inside.

    def _parse_on(self) -> None:
        """Parse what waits, up to the end of a request. The rest waits until that is answered."""
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        data, start = self._waiting, self._at
        try:
            while start < len(data) and not self._is_answering():
                end = self._framing.next_piece(data, start)
                self._overhead += end - start
                self._feed(data if end - start == len(data) else memoryview(data)[start:end])
                if self._overhead > MAX_HEAD_BYTES:
                    self._refuse_head()
                    return
                start = end
        except HttpParserError as error:
            self._refuse_malformed(error.__context__)
            return
        if start == len(data):
            self._waiting, self._at = b"", 0
            return
        self._at = start
        if len(data) - start > MAX_WAITING_BYTES:
            self.flow.pause_reading()
            self._look_whether_left()

    def _look_whether_left(self) -> None:
        """While reading is paused for requests that wait, look each second whether the client has left."""
        if not self._waiting or self.transport.is_closing():
            self._next_look = None
            return
        if self.on_hang_up and has_left(self.transport.get_extra_info("socket")):
            self.transport.abort()
            return
        if self._next_look:
            self._next_look.cancel()
        self._next_look = self.loop.call_later(LOOK_INTERVAL, self._look_whether_left)

    def _is_answering(self) -> bool:
        """Whether a request has come completely, and its answer has not gone out completely."""
        cycle = self._cycle()
        return cycle is not None and not cycle.more_body and not cycle.response_complete

    def _feed(self, data: bytes | memoryview) -> None:
        while True:
            try:
                self.parser.feed_data(data)
            except HttpParserUpgrade as upgrade:
                self._parse_again_without_upgrade()
                data = memoryview(data)[upgrade.args[0] :]
            else:
                return

    def _parse_again_without_upgrade(self) -> None:
        """Parse the head anew, as if the client had not asked for another protocol: else the parser skips the body.

        curl asks for one if it would like HTTP/2, Java's client by default.
        """
        request = (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        fields = [b"%b: %b\r\n" % field for field in self.headers if field[0] != b"upgrade"]
        self.parser = HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn sets them
        self.parser.feed_data(b"%b %b HTTP/%b\r\n%b\r\n" % (*request, b"".join(fields)))

    def _check(self) -> None:
        """End the connection of a client that does not finish its request, or that reads nothing of its answer."""
        unread = self.transport.get_write_buffer_size()
        taken = cast("CoalescingTransport", self.transport).written - unread
        if self._progressed or taken != self._taken or not (unread or self._is_clients_turn()):
            self._idle_checks = 0
        else:
            self._idle_checks += 1
        self._progressed, self._taken = False, taken
        self._next_check = self.loop.call_later(self.patience / CHECKS, self._check)
        if self._idle_checks < CHECKS:
            return
        if unread:
            reset_on_close(self.transport.get_extra_info("socket"))
            self.transport.abort()
        elif self._cycle() is None and not self._overhead:
            self.transport.close()  # opened for later and not used: the client waits for no answer
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "the request did not arrive completely in time")

    def _is_clients_turn(self) -> bool:
        """Whether the client is to send something. While uvicorn's own timer runs, that is enough."""
        if self.timeout_keep_alive_task is not None or self.flow.read_paused or self.transport.is_closing():
            return False
        cycle = self._cycle()
        return cycle is None or cycle.response_complete or cycle.more_body

    def _cycle(self) -> RequestResponseCycle | None:
        """Return the last request; uvicorn does not declare that at first there is none."""
        return self.cycle

    def _refuse_head(self) -> None:
        text = f"the head of the request is over {MAX_HEAD_BYTES // 1024} KiB"
        self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, text)

    def _refuse_malformed(self, reason: BaseException | None) -> None:
        if isinstance(reason, _HeadTooLargeError):
            self._refuse_head()
        elif isinstance(reason, MalformedHeadError):
            self._refuse(HTTPStatus.BAD_REQUEST, str(reason))
        else:
            self._refuse(HTTPStatus.BAD_REQUEST, "Invalid HTTP request received.")

    def _refuse(self, status: HTTPStatus, text: str) -> None:
        """Answer what is not a valid request, and close. An answer that is being sent is broken off instead."""
        cycle = self._cycle()
        if cycle is not None and cycle.response_started and not cycle.response_complete:
            self.transport.close()
            return
        body = refusal("invalid_request_error", text).body
        self.transport.write(_REFUSAL_HEAD % (status, status.phrase.encode(), len(body)) + body)
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True  # the application gets no more of it, and sends nothing
            cycle.message_event.set()
        self._linger()

    def _linger(self) -> None:
        """Close for writing, and drop what still comes, for a while: closing at once could lose the last answer too.

        A system that gets data for a closed connection resets it, and the client's drops what it has not read.
        """
        self._waiting, self._at = b"", 0
        if cycle := self._cycle():
            cycle.body = bytearray()
        self.flow.resume_reading()
        self._linger_until = self.loop.time() + self.max_linger
        with contextlib.suppress(OSError):  # if the client has reset it
            self.transport.write_eof()
        self._progressed = True
        self._next_check.cancel()
        self._check_lingering()

    def _discard(self, size: int) -> None:
        self._progressed = True
        self._discarded += size
        if self._discarded > MAX_DISCARDED_BYTES:
            self.transport.abort()

    def _check_lingering(self) -> None:
        if not self._progressed or self.loop.time() >= self._linger_until:
            self.transport.abort()
            return
        self._progressed = False
        self._next_check = self.loop.call_later(self.linger_idle, self._check_lingering)
