"""What an answer is worth: judged at its head and first meaningful event, and again at its end.

    head, body ───────────► judge_body ──────────────┐
    head, events ─► StreamJudge.opening ─► (nothing yet) │─► Outcome = Accepted | Rejected
    no answer ────────────► unanswered ──────────────┘
    all that follows ─────► StreamJudge.follow ─► .ending() ─► Ending

Meaningful is a `content_block_delta` of any type, or a `message_delta` with a stop reason: only then is it known that
the provider answers, and only then may a byte go to the client.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeAlias

import msgspec

from claude_proxy.core import sse, usage
from claude_proxy.core.lenient import decoded
from claude_proxy.core.messages import STATUS_OF_ERROR, read_error
from claude_proxy.core.model import Ending, Fault, Headers, Reply, Usage
from claude_proxy.core.retry_after import named_return
from claude_proxy.core.signatures import NEEDLES, Signatures

MAX_UNCOMMITTED_BYTES: Final = 1024 * 1024
"""How much of a stream is held while nothing meaningful has come: a `message_start`, pings."""

LONGEST_TEXT: Final = 65536
"""How many characters of a provider's own words are kept: far more than are shown, since this cut may go through a key
that is taken out later."""

_QUOTA_STATUSES: Final = frozenset({402, 429})
_QUOTA_ERRORS: Final = frozenset(
    {
        "rate_limit_error",
        "billing_error",
        "1002",  # MiniMax: too many requests
        "1008",  # MiniMax: no balance
        "2056",  # MiniMax: a plan's limit
        "1113",  # Z.ai: no balance
        "1302",  # Z.ai: too many requests
        "1308",  # Z.ai: a plan's limit
        "exceeded_current_quota_error",  # Moonshot: no balance
        "rate_limit_reached_error",  # Moonshot: too many requests
    }
)
"""Errors that say "no more for now", in Anthropic's words and in those of others; all have been seen behind a 200."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """An answer that goes to the client: the whole of it, or all events of a stream up to the first meaningful one."""

    reply: Reply

    @property
    def label(self) -> str:
        return str(self.reply.status)


@dataclass(frozen=True, slots=True)
class Rejected:
    """An answer, or the lack of one, that speaks against its provider (or, as `Fault.REQUEST`, against the request)."""

    fault: Fault
    label: str
    """A status or a word, safe in a header and in a log."""
    text: str = field(default="", repr=False)
    """The provider's own words, shortened: for the user's eyes, not for a log, since they may quote the request."""
    until: float | None = None
    """When the provider says that it will answer again."""
    reply: Reply | None = None
    """Its error, where it gave one that can be relayed."""


Outcome: TypeAlias = Accepted | Rejected


def unanswered(label: str, text: str) -> Rejected:
    """Judge a provider that could not be reached, fell silent or stopped speaking HTTP."""
    return Rejected(Fault.PROVIDER, label, text)


def judge_body(reply: Reply, retry_statuses: frozenset[int], now: float, *, counting: bool = False) -> Outcome:
    """Judge an answer that has been read to its end: an error, or a whole message or count behind a 200."""
    status = reply.status
    if status == 200:
        return Accepted(reply) if _is_answer(reply.body, counting=counting) else _behind_200(reply, reply.body, now)
    text = _words(reply.body)
    until = named_return(reply.headers, now)
    if status in retry_statuses:
        fault = Fault.QUOTA if status in _QUOTA_STATUSES else Fault.PROVIDER
        return Rejected(fault, str(status), text, until, reply)
    if 400 <= status < 600 and (status < 500 or read_error(reply.body)):
        return Rejected(Fault.REQUEST, str(status), text, until, reply)
    # a redirect, say, or the page of something that stands in front of the provider
    return Rejected(Fault.PROVIDER, str(status), f"answered {status}, which is no answer to a request like this")


class _Message(msgspec.Struct):
    type: str
    content: list[msgspec.Raw]


class _Count(msgspec.Struct):
    input_tokens: int


_message = msgspec.json.Decoder(_Message)
_count = msgspec.json.Decoder(_Count)


def _is_answer(body: bytes, *, counting: bool) -> bool:
    """Whether a body is a whole message (or a count of tokens), with no error code beside it."""
    if read_error(body):
        return False
    if counting:
        return decoded(_count, body) is not None
    message = decoded(_message, body)
    return message is not None and message.type == "message"


def _behind_200(reply: Reply, body: bytes, now: float) -> Rejected:
    """Judge what is no answer though its status says so: an error, a provider's own error code, HTML, nothing."""
    found = read_error(body)
    if found is None:
        return Rejected(Fault.PROVIDER, "nonsense" if body.strip() else "empty", _words(body))
    kind, _ = found
    fault = Fault.QUOTA if kind in _QUOTA_ERRORS else Fault.PROVIDER
    status = STATUS_OF_ERROR.get(kind)
    relayed = None if status is None else Reply(status, _as_json(reply.headers), body)
    label = kind if status or kind in _QUOTA_ERRORS else "error"
    return Rejected(fault, label, _words(body), named_return(reply.headers, now), relayed)


def _as_json(headers: Headers) -> Headers:
    kept = tuple(pair for pair in headers if pair[0] != b"content-type")
    return (*kept, (b"content-type", b"application/json"))


def _words(body: bytes) -> str:
    """Return what an error body says, on one line: its message, else how it begins."""
    found = read_error(body)
    text = found[1] if found and found[1] else body[: 4 * LONGEST_TEXT].decode("utf-8", "replace")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:LONGEST_TEXT]


class _Delta(msgspec.Struct):
    stop_reason: str | None = None


class _MessageDelta(msgspec.Struct):
    delta: _Delta | None = None


_TELLING: Final = (b"message_", b"error", *NEEDLES)
"""What the name or the type of each event holds that tells more than content does, or the block that it carries."""

_message_delta = msgspec.json.Decoder(_MessageDelta)


class StreamJudge:
    """Watches one stream from its first event to its last, and reads its usage on the way."""

    __slots__ = (
        "_error",
        "_head",
        "_held",
        "_held_bytes",
        "_now",
        "began",
        "signatures",
        "stop_reason_seen",
        "stopped",
        "usage",
    )

    def __init__(self, head: Reply, now: float) -> None:
        self._head = head
        self._now = now
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._error = False
        self.began = False
        """An event has come, whatever it was."""
        self.stop_reason_seen = False
        self.stopped = False
        """`message_stop` has come: nothing that matters follows."""
        self.usage = Usage()
        self.signatures = Signatures()

    def opening(self, block: bytes) -> Outcome | None:
        """Take the next events of a stream that is not committed; None while nothing meaningful has come."""
        self._held.append(block)
        self._held_bytes += len(block)
        for piece, behind in sse.split(block):
            event = sse.parse(piece)
            self.began = self.began or event is not None
            if event and self._take(event):
                self.follow(block[behind:])
                held, self._held = b"".join(self._held), []
                return Accepted(Reply(self._head.status, self._head.headers, held))
            if event and self._error:
                return _behind_200(self._head, event.data, self._now)
        if self.stopped or self._held_bytes > MAX_UNCOMMITTED_BYTES:
            return Rejected(Fault.PROVIDER, "no_content", "the stream holds no content")
        return None

    def cut(self, rest: bytes) -> Rejected:
        """Judge a stream that ended before anything meaningful; `rest` is what came behind the last blank line.

        An error or a page in place of a stream ends here as well: it holds no events.
        """
        last = sse.parse(rest)
        if last and last.kind == "error":
            return _behind_200(self._head, last.data, self._now)
        began, body = self.began or last is not None, b"".join((*self._held, rest))
        if began or not body.strip():
            return unanswered("truncated" if began else "empty", "the stream ended before its first content")
        return _behind_200(self._head, body, self._now)

    def follow(self, block: bytes) -> bool:
        """Take the next events of a committed stream; return whether there is more in them than signs of life.

        Only those that tell more than content does are read: reading all would cost more than relaying them.
        """
        telling = sse.telling(block, _TELLING)
        for piece in telling:
            event = sse.parse(piece)
            if event:
                self._take(event)
        return bool(telling) or b"content_block" in block

    def ending(self, otherwise: Ending) -> Ending:
        """Return how a stream has ended from which nothing more comes; `otherwise`: where it was not complete."""
        if self._error:
            return Ending.ERROR
        return Ending.COMPLETE if self.stopped or self.stop_reason_seen else otherwise

    def _take(self, event: sse.ServerSentEvent) -> bool:
        """Note what an event tells; return whether it is meaningful."""
        match event.kind:
            case "content_block_delta":
                self.signatures.take(event.data)
                return True
            case "content_block_start":
                self.signatures.take(event.data)
            case "message_start":
                self.usage = usage.updated(self.usage, event.data)
            case "message_delta":
                self.usage = usage.updated(self.usage, event.data)
                self.stop_reason_seen = self.stop_reason_seen or _has_stop_reason(event.data)
                return self.stop_reason_seen
            case "message_stop":
                self.stopped = True
            case "error":
                self._error = True
            case _:
                pass
        return False


def _has_stop_reason(data: bytes) -> bool:
    event = decoded(_message_delta, data)
    return bool(event and event.delta and event.delta.stop_reason)
