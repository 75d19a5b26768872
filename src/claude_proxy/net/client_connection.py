"""A client's connection: uvicorn's HTTP protocol, with a call that ASGI lacks and with limits that uvicorn lacks.

When a client hangs up, a function is called; no task has to wait for a message. The size of a request's head is
limited, and so is the time for sending it. A request to switch to another protocol is ignored, as RFC 9110 (7.8)
allows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from itertools import chain
from typing import Final, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from claude_proxy.core.reply import refusal
from claude_proxy.net.coalescing_transport import CoalescingTransport

EXTENSION: Final = "claude_proxy.connection"
"""The ASGI extension that holds the connection of a request."""

READ_AHEAD_BYTES: Final = 1024 * 1024
"""How much of a body is read before the application asks for it. uvicorn pauses the socket at 64 KiB and resumes it:
system calls that each request of Claude Code would pay for."""

MAX_HEAD_BYTES: Final = 64 * 1024
"""A request's whole head, or whatever else comes between two bytes of its body. Node accepts 16 KiB, nginx 32."""

CLIENT_PATIENCE: Final = 60.0
"""Seconds that a client has for a request's head, and between two pieces of its body; it is noticed after up to twice
as many. nginx allows the same."""

_REFUSAL_HEAD: Final = (
    b"HTTP/1.1 %d %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
)


class _HeadTooLargeError(Exception):
    """Makes the parser stop."""


class _NoTunnelsError(Exception):
    """Makes the parser stop: what follows the head of a CONNECT is no HTTP."""


class ClientConnection(HttpToolsProtocol):
    """One connection; `on_hang_up` is called when the client closes it. Requests on it are served one by one."""

    # beyond 30 entries, Python would keep the attributes of uvicorn's part in a slower way
    __slots__ = ("_next_check", "_overhead", "_progressed", "on_hang_up")

    patience = CLIENT_PATIENCE

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        coalescing = CoalescingTransport(cast("asyncio.Transport", transport), self.loop)
        super().connection_made(cast("asyncio.Transport", coalescing))
        self.on_hang_up: Callable[[], object] | None = None
        self._overhead = 0  # bytes since the end of the last head or piece of a body
        self._progressed = False  # whether a request began or a piece of a body came since the last check
        self._next_check = self.loop.call_later(self.patience, self._check)

    def data_received(self, data: bytes) -> None:
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        self._overhead += len(data)
        try:
            self._feed(data)
        except HttpParserError as error:
            if isinstance(error.__context__, _HeadTooLargeError):
                self._refuse_head()
            else:
                self._refuse(HTTPStatus.BAD_REQUEST, "Invalid HTTP request received.")
        else:
            if self._overhead > MAX_HEAD_BYTES:
                self._refuse_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._next_check.cancel()
        super().connection_lost(exc)
        if self.on_hang_up:
            self.on_hang_up()

    # Called by the parser.

    def on_message_begin(self) -> None:
        self._progressed = True
        super().on_message_begin()
        self.scope["extensions"] = {EXTENSION: self}  # type: ignore[dict-item]

    def on_headers_complete(self) -> None:
        if self._overhead > MAX_HEAD_BYTES and self._head_size() > MAX_HEAD_BYTES:
            raise _HeadTooLargeError
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise _NoTunnelsError
            return
        self._overhead = 0
        super().on_headers_complete()
        self.headers = []  # a new one for trailers: they are not part of the head
        if len(self.pipeline) == 1:
            self.flow.resume_reading()  # else it would not be noticed that the client hangs up

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

    # Inside.

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

    def _head_size(self) -> int:
        """Return the size of the head without the method and the version."""
        fields = self.headers
        return len(self.url) + sum(map(len, chain.from_iterable(fields))) + 4 * len(fields)  # colon, blank, CR, LF

    def _check(self) -> None:
        """End the connection of a client that does not finish its request."""
        if self.transport.is_closing():
            return
        if self._progressed or not self._is_clients_turn():
            self._progressed = False
            self._next_check = self.loop.call_later(self.patience, self._check)
        elif self._cycle() is None and not self._overhead:
            self.transport.close()  # opened for later and not used: the client waits for no answer
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "the request did not arrive completely in time")

    def _is_clients_turn(self) -> bool:
        """Whether the client is to send something. While uvicorn's own timer runs, that is enough."""
        if self.timeout_keep_alive_task is not None or self.flow.read_paused or self.pipeline:
            return False
        cycle = self._cycle()
        return cycle is None or cycle.response_complete or cycle.more_body

    def _cycle(self) -> RequestResponseCycle | None:
        """Return the last request; uvicorn does not declare that at first there is none."""
        return self.cycle

    def _refuse_head(self) -> None:
        text = f"the head of the request is over {MAX_HEAD_BYTES // 1024} KiB"
        self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, text)

    def _refuse(self, status: HTTPStatus, text: str) -> None:
        """Answer what is not a valid request, and close. An answer that is being sent is broken off instead."""
        cycle = self._cycle()
        if cycle is None or cycle.response_complete or not (cycle.response_started or self.pipeline):
            body = refusal("invalid_request_error", text).body
            self.transport.write(_REFUSAL_HEAD % (status, status.phrase.encode(), len(body)) + body)
        self.transport.close()
