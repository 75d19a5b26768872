"""What a request needs of the world, as Protocols: the network, time, and a place for its account.

The real ones are in `net/` and `store/`; tests pass in their own.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Literal, Protocol, Self, TypeAlias

import msgspec

from claude_proxy.core.events import Event
from claude_proxy.core.reasons import Reason
from claude_proxy.core.types import Account, Headers, Origin, Reply


class Failure(enum.Enum):
    """What went wrong with a connection to a provider; the value is the reason of the attempt's outcome."""

    LOCAL = Reason.LOCAL
    """This machine has no descriptors left: the provider is not at fault."""
    DNS = Reason.DNS
    REFUSED = Reason.REFUSED
    UNREACHABLE = Reason.UNREACHABLE
    CONNECT_TIMEOUT = Reason.CONNECT_TIMEOUT
    TLS = Reason.TLS
    TUNNEL = Reason.TUNNEL
    """The proxy on the way out (`HTTPS_PROXY`, `proxy_url`) refused or failed."""
    RESET = Reason.RESET
    """The connection broke, or was closed without an answer."""
    TRUNCATED = Reason.TRUNCATED
    """The answer's body ended before its declared end."""
    MALFORMED = Reason.MALFORMED
    """What came is not HTTP/1.1, or its head is over the limit."""
    UNDECODABLE = Reason.UNDECODABLE
    """The body does not decode as its content-encoding says, or that encoding was not asked for."""


class UpstreamError(Exception):
    """A provider could not be reached, or stopped speaking HTTP.

    `sent`: whether any byte of the request may have reached it. The text holds no secret and no content.
    """

    def __init__(self, failure: Failure, text: str, *, sent: bool) -> None:
        super().__init__(text)
        self.failure = failure
        self.sent = sent

    def again(self) -> Self:
        """Return a new one that says the same. One that is kept is raised this way.

        What is raised holds all that it passes through: an exchange would hold itself, with all that it has read.
        """
        return type(self)(self.failure, str(self), sent=self.sent)


class UpstreamRequest(msgspec.Struct, frozen=True, gc=False):
    """A request ready for the wire: `head` is the request line and all headers, the blank line included."""

    origin: Origin
    head: bytes
    body: bytes


class Answer(Protocol):
    """A provider's answer whose final head has come (1xx are skipped); its body is read piece by piece."""

    @property
    def status(self) -> int: ...

    @property
    def waited(self) -> float:
        """Seconds from the request's last byte to the head."""
        ...

    @property
    def headers(self) -> Headers:
        """Without the hop-by-hop ones and without the framing (`content-length`, `content-encoding`)."""
        ...

    async def read(self, timeout: float) -> bytes:
        """Return all that has come of the decoded body, at least one byte, or `b""` at its proper end.

        Raises `TimeoutError` after `timeout` seconds without a byte (calling again is allowed), `UpstreamError` if
        the body breaks. What has not been read yet is bounded: meanwhile, reading from the socket pauses.
        """
        ...

    def close(self) -> None:
        """Release the connection: it is kept if the body was read to its end, else closed at once. Idempotent."""
        ...


class Transport(Protocol):
    """The way to the providers."""

    async def open(self, request: UpstreamRequest, *, connect_timeout: float, head_timeout: float) -> Answer:
        """Send a request, and return once the head of the answer has come.

        A kept connection that dies before the answer's first byte is replaced by a fresh one, once.
        Raises `UpstreamError`; `TimeoutError` if the head takes longer than `head_timeout` seconds from the
        request's last byte. Cancelling closes the connection.
        """
        ...


class Clock(Protocol):
    """Time, passed in."""

    def wall(self) -> float:
        """Seconds since the epoch: for cooldowns, which outlive a sleeping laptop, and for dates."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back: for durations."""
        ...

    def utc_offset(self, at: float) -> int:
        """Seconds that local time is ahead of UTC at a moment: for what a person reads."""
        ...


class Ledger(Protocol):
    """Takes the account of each request."""

    def record(self, account: Account) -> None: ...


Level: TypeAlias = Literal["debug", "info", "warning", "error"]


class Journal(Ledger, Protocol):
    """A ledger that also takes notes about the service itself."""

    def note(self, text: str, level: Level = "info") -> None: ...


class EventSink(Protocol):
    """Tells the user of events, later and elsewhere: nothing waits for that."""

    def tell(self, event: Event) -> None: ...


class ClientLeftError(Exception):
    """The client hung up before its request was read."""


class StreamClient(Protocol):
    """A client that gets a stream whose head was sent."""

    async def write(self, data: bytes) -> None:
        """Send a piece of the body; waits while the client is slow to read."""
        ...

    async def write_last(self, data: bytes) -> None:
        """Send the last event of a stream: nothing but `end` may follow."""
        ...

    async def end(self) -> None: ...

    async def break_off(self) -> bool:
        """Close the connection within a stream, so that the client sees that it broke.

        Returns whether it did: not if the client would take the end of the connection for the end of the answer.
        """
        ...


class Client(StreamClient, Protocol):
    """The client's side of an exchange: its request's body, and the way to answer it.

    Once the body is read, a client that hangs up cancels the task that serves it.
    """

    @property
    def left(self) -> bool:
        """Whether it hung up."""
        ...

    async def read_body(self, limit: int, hold: Callable[[int], object] = ...) -> bytes | None:
        """Return the whole body; None as soon as it is known to be over `limit` bytes. Raises `ClientLeftError`.

        `hold` is told how many bytes have come, and may raise an error to read no more.
        """
        ...

    async def send(self, reply: Reply) -> None:
        """Send a whole answer."""
        ...

    async def start(self, status: int, headers: Headers) -> None:
        """Send the head of a stream."""
        ...
