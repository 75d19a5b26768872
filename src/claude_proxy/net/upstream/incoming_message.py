"""Parses one answer, without a socket: bytes in, a head and pieces of a body out.

    waiting ──► head ──► body ──► over, complete
       └─────────┴────────┴─────► over, broken (`error`; what came before can still be read)

Only a complete answer with nothing behind it leaves a connection that can be used again.
"""

from __future__ import annotations

from typing import NoReturn

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from claude_proxy.net.upstream.head import (
    MAX_HEAD_BYTES,
    MAX_HEAD_FIELDS,
    Head,
    MalformedHeadError,
    head_too_large,
    read_head,
)
from claude_proxy.net.upstream.tcp import is_lost_network
from claude_proxy.proxy.ports import Failure, UpstreamError

MAX_INTERIM_ANSWERS = 16
"""1xx answers before the final one: real servers send one or two (100, 103), a broken one might never stop."""

MAX_TAKEN_BYTES = 32 * 1024
"""The most that is returned of a body at once: what a reader does with it keeps everything else waiting."""


class UnansweredError(UpstreamError):
    """The connection was closed before the first byte of the answer."""


class StaleError(UnansweredError):
    """The connection was dead before, and nothing had said so: no byte of the request was acknowledged in time."""


class _StopParsingError(Exception):
    """Makes the parser stop. The reason is already recorded."""


def _lenient_parser(protocol: object) -> HttpResponseParser:
    """Return a parser that accepts what curl, browsers and most libraries accept, as far as it is safe.

    Safe is: transfer-encoding beside content-length (the former counts, and the connection is not used again, since
    others might see another end), lines of a head that end in LF alone, blanks behind the size of a chunk.
    Not safe, and refused by undici as well: folded values, since llhttp then takes control characters in values, which
    would go on to the client; CR alone as a line end, and two lengths, since others see other fields or another end.
    """
    parser = HttpResponseParser(protocol)
    parser.set_dangerous_leniencies(
        lenient_chunked_length=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
    )
    return parser


class IncomingMessage:
    """An answer's bytes, from the first to the last that belongs to it. `peer` is host and port, for messages."""

    __slots__ = (
        "_begun",
        "_fields",
        "_interims",
        "_overhead",
        "_parser",
        "_peer",
        "error",
        "head",
        "on_body",
        "over",
        "pieces",
        "reusable",
        "unread",
    )

    def __init__(self, peer: str) -> None:
        self._peer = peer
        self._fields: list[tuple[bytes, bytes]] = []
        self._begun = False
        self._interims = 0
        self._overhead = 0
        self.head: Head | None = None
        """The final head, once it is there; 1xx are skipped."""
        self.pieces: list[bytes] = []
        """Body that waits to be read, as on the wire but without the framing of its chunks."""
        self.on_body = self.pieces.append
        """Called by the parser for each chunk, of which there may be hundreds at once: without Python in between."""
        self.unread = 0
        """Bytes in `pieces` and of their framing."""
        self.over = False
        """Nothing more is to come."""
        self.error: UpstreamError | None = None
        """Why it ended too early."""
        self.reusable = False
        """Whether the connection can serve another request once this is over."""
        self._parser: HttpResponseParser | None = _lenient_parser(self)

    def feed(self, data: bytes | memoryview) -> None:
        """Parse what came from the socket."""
        parser = self._parser
        if parser is None:
            return
        self._begun = True
        self._overhead += len(data)
        before = len(self.pieces)
        try:
            parser.feed_data(data)
        except HttpParserError as error:
            self.reusable = False
            self.fail(Failure.MALFORMED, f"the answer is not HTTP/1.1 ({error})")
        except HttpParserUpgrade:
            self.fail(Failure.MALFORMED, "the answer switches to another protocol")
        if len(self.pieces) > before:
            self.unread += len(data)
            self._overhead = 0
        if self._overhead > MAX_HEAD_BYTES:
            self.fail(Failure.MALFORMED, head_too_large())

    def connection_lost(self, error: Exception | None) -> None:
        """End the answer because the connection is gone: closed by the other side (None), or broken."""
        if not self._begun:
            text = f"{self._peer}: connection closed without an answer"
            kind = StaleError if is_lost_network(error) else UnansweredError
            self._end(kind(Failure.RESET, text, sent=True))
        elif self.head is None:
            self.fail(Failure.RESET, "connection closed within the head of the answer")
        elif error is not None:
            self.fail(Failure.RESET, "connection broken within the answer")
        elif self.head.declared:
            self.fail(Failure.TRUNCATED, "the answer ended before its declared end")
        else:
            self._end()

    def lose(self) -> None:
        """End the answer because nothing that was sent has been acknowledged for too long."""
        if not self._begun:
            self._end(StaleError(Failure.RESET, f"{self._peer}: no acknowledgement on a kept connection", sent=True))

    def fail(self, failure: Failure, what: str) -> None:
        """End the answer with an error, unless it is over."""
        self._end(UpstreamError(failure, f"{self._peer}: {what}", sent=True))

    def take(self) -> bytes:
        """Return the body that waits to be read, at most `MAX_TAKEN_BYTES` of it."""
        pieces = self.pieces
        if self.unread > MAX_TAKEN_BYTES:
            return self._take_part(MAX_TAKEN_BYTES)
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self.unread = 0
        return data

    def put_back(self, data: bytes) -> None:
        """Take back what was returned last, to return it again."""
        self.pieces.insert(0, data)
        self.unread += len(data)

    def _take_part(self, left: int) -> bytes:
        pieces, number = self.pieces, 0
        for piece in pieces:
            number += 1
            left -= len(piece)
            if left <= 0:
                break
        taken = pieces[:number]
        del pieces[:number]
        if left < 0:
            pieces.insert(0, taken[-1][left:])
            taken[-1] = taken[-1][:left]
        data = b"".join(taken)
        self.unread = self.unread - len(data) if pieces else 0
        return data

    # Called by the parser.

    def on_message_begin(self) -> None:
        """Refuse a second answer: only one was asked for."""
        if self.over:
            raise _StopParsingError

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a field of the head; trailers are skipped."""
        if self.head is None:
            self._fields.append((name.lower(), value))
            if len(self._fields) > MAX_HEAD_FIELDS:
                self._stop(f"the head of the answer has more than {MAX_HEAD_FIELDS} fields")

    def on_headers_complete(self) -> None:
        """Take the final head, or skip a 1xx."""
        parser = self._parser
        if parser is None:
            raise _StopParsingError
        status, version = parser.get_status_code(), parser.get_http_version()
        if version not in {"1.1", "1.0"}:
            self._stop(f"the answer is HTTP/{version}")
        if status < 200:
            self._skip_interim()
        else:
            self._accept(status, keep=version == "1.1" and parser.should_keep_alive())

    def on_message_complete(self) -> None:
        """End the answer, unless this was a 1xx."""
        if self.head is not None:
            self._end()

    def _skip_interim(self) -> None:
        self._interims += 1
        self._fields.clear()
        if self._interims > MAX_INTERIM_ANSWERS:
            self._stop(f"more than {MAX_INTERIM_ANSWERS} interim answers")

    def _accept(self, status: int, *, keep: bool) -> None:
        try:
            self.head = read_head(status, self._fields)
        except MalformedHeadError as error:
            self._stop(str(error))
        self.reusable = keep and self.head.clean

    def _stop(self, what: str) -> NoReturn:
        self.fail(Failure.MALFORMED, what)
        raise _StopParsingError

    def _end(self, error: UpstreamError | None = None) -> None:
        if self.over:
            return
        self.over = True
        # The parser holds this object's methods: both would stay in memory until the garbage collector runs.
        self._parser = None
        if error is not None:
            self.error = error
            self.reusable = False
