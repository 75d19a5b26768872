"""What an answer is worth: judged at its head and first meaningful event, and again at its end.

    head, body ───────────► judge_body ──────────────┐
    head, events ─► StreamJudge.opening ─► (nothing yet) │─► Outcome = Accepted | Rejected
    no answer ────────────► unanswered ──────────────┘
    all that follows ─────► StreamJudge.follow ─► .ending() ─► Ending

Meaningful is a `content_block_delta` of any type, or a `message_delta` with a stop reason: only then is it known that
the provider answers, and only then may a byte go to the client.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

import msgspec

from claude_proxy.core import limits, sse
from claude_proxy.core.json_values import try_decode
from claude_proxy.core.messages import JSON, STATUS_OF_ERROR, error_body, read_error
from claude_proxy.core.reset_time import told_return
from claude_proxy.core.retry_after import named_return, plan_rejects
from claude_proxy.core.signatures import NEEDLES, Signatures
from claude_proxy.core.too_long import in_anthropics_words
from claude_proxy.core.traits import Traits
from claude_proxy.core.types import Ending, Fault, Headers, Policy, Reply, Usage
from claude_proxy.core.usage import Tally

MAX_UNCOMMITTED_BYTES: Final = 1024 * 1024
"""How much of a stream is held while nothing meaningful has come: a `message_start`, pings."""

MAX_TEXT: Final = 65536
"""How many characters of a provider's own words are kept: far more than are shown, since this cut may go through a key
that is taken out later."""

_REFUSED: Final = frozenset({401, 402, 403})
"""Statuses that speak of the account: for the client, unless the user wants them passed over."""

_OF_THE_REQUEST: Final = frozenset({400, 404, 413, 422})
"""Codes that speak of the request wherever they stand."""


@dataclass(frozen=True, slots=True)
class ClassifierConfig:
    """By what an answer is judged: what the user decides, and what its provider is known for."""

    policy: Policy
    traits: Traits
    by_login: bool = False
    """Whether it was asked with the client's own login."""

    def sends_on(self, status: int) -> bool:
        """Whether a status alone sends us to the next provider."""
        policy = self.policy
        if self.by_login and status == 401:
            return False  # Claude Code renews its login as soon as it hears of this, and only then
        return status in policy.retry_statuses or (policy.failover_on_auth and status in _REFUSED)


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
    rest: float = field(default=0.0, repr=False)
    """How long it rests at least where it names no time, in seconds."""


Outcome: TypeAlias = Accepted | Rejected


def unanswered(label: str, text: str) -> Rejected:
    """Judge a provider that could not be reached, fell silent or stopped speaking HTTP."""
    return Rejected(Fault.PROVIDER, label, text)


def judge_body(reply: Reply, terms: ClassifierConfig, now: float, *, counting: bool = False) -> Outcome:
    """Judge an answer that has been read to its end: an error, or a whole message or count behind a 200."""
    if reply.status != 200:
        return _behind_status(reply, terms, now)
    return Accepted(reply) if _is_answer(reply.body, counting=counting) else _behind_200(reply, reply.body, terms, now)


def _behind_status(reply: Reply, terms: ClassifierConfig, now: float) -> Rejected:
    status, told = reply.status, limits.read(reply.body)
    if not 400 <= status < 600 or (status >= 500 and not terms.sends_on(status) and not read_error(reply.body)):
        # a redirect, say, or the page of something that stands in front of the provider
        return Rejected(Fault.PROVIDER, str(status), f"answered {status}, which is no answer to a request like this")
    limit = limits.limit_of(told, status)
    if status == 429 and limit in (None, limits.TOO_FAST) and plan_rejects(reply.headers):
        limit = limits.PLAN_LIMIT
    if limit and _counts(limit, status, terms):
        return _limited(limit, told, reply, terms, now)
    if status == 402 and terms.sends_on(status):
        return _limited(limits.NO_CREDIT, told, reply, terms, now)
    fault = Fault.REQUEST
    if terms.sends_on(status):
        fault = Fault.QUOTA if status == 429 else Fault.PROVIDER
    return Rejected(fault, str(status), _words(told, reply.body), _return(told, reply, terms, now), reply)


def _counts(limit: limits.Limit, status: int, terms: ClassifierConfig) -> bool:
    """Whether what an error says counts for more than its status, which is the user's to judge."""
    if limit.fault is Fault.REQUEST:
        return False
    if terms.sends_on(status):
        return True
    # a plan's limit behind a 403 is no refused key; a 401 or 402 is relayed, and so is what the user does not retry
    return limit.fault is Fault.QUOTA if status == 403 else 400 <= status < 500 and status not in (401, 402, 429)


def _limited(
    limit: limits.Limit, told: limits.ParsedError, reply: Reply, terms: ClassifierConfig, now: float
) -> Rejected:
    status, words = reply.status, _words(told, reply.body)
    label = str(status) if STATUS_OF_ERROR.get(limit.label) == status else limit.label
    if limit is limits.TOO_LONG:
        reply = in_anthropics_words(reply, words)
    return Rejected(limit.fault, label, words, _return(told, reply, terms, now), reply, limit.rest)


def _return(told: limits.ParsedError, reply: Reply, terms: ClassifierConfig, now: float) -> float | None:
    """Return when the provider says that it will be back: its headers count before its words."""
    named = named_return(reply.headers, now)
    return told_return(told.words, now, terms.traits.reset_utc_offset) if named is None else named


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
        return try_decode(_count, body) is not None
    message = try_decode(_message, body)
    return message is not None and message.type == "message"


def _behind_200(head: Reply, body: bytes, terms: ClassifierConfig, now: float) -> Rejected:
    """Judge what is no answer though its status says so: an error, a provider's own error code, HTML, nothing."""
    known, told = read_error(body), limits.read(body)
    headers = _as_json(head.headers)
    if limit := limits.limit_of(told, 200):
        reply = Reply(limit.status, headers, body if told.enveloped else _in_form(limit, told))
        if limit.fault is Fault.REQUEST:
            return _behind_status(reply, terms, now)
        return replace(_limited(limit, told, reply, terms, now), label=limit.label)
    if told.status in _OF_THE_REQUEST:
        return _behind_status(Reply(told.status, headers, body), terms, now)
    if known is None:
        return Rejected(Fault.PROVIDER, "nonsense" if body.strip() else "empty", _words(told, body))
    status = STATUS_OF_ERROR.get(known[0], told.status)
    label = known[0] if known[0] in STATUS_OF_ERROR else str(status) if status else "error"
    relayed = Reply(status, headers, body) if status else None
    return Rejected(Fault.PROVIDER, label, _words(told, body), _return(told, head, terms, now), relayed)


def _in_form(limit: limits.Limit, told: limits.ParsedError) -> bytes:
    """Return as Anthropic would say it what a provider says in a shape that no client knows."""
    kind = next(kind for kind, status in STATUS_OF_ERROR.items() if status == limit.status)
    return error_body(kind, told.words or limit.label)


def _as_json(headers: Headers) -> Headers:
    kept = tuple(pair for pair in headers if pair[0] != b"content-type")
    return (*kept, (b"content-type", JSON))


def _words(told: limits.ParsedError, body: bytes) -> str:
    """Return what an error body says, on one line: its message, else how it begins."""
    text = told.words or body[: 4 * MAX_TEXT].decode("utf-8", "replace")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:MAX_TEXT]


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
        "_tally",
        "_terms",
        "began",
        "signatures",
        "stop_reason_seen",
        "stopped",
    )

    def __init__(self, head: Reply, now: float, terms: ClassifierConfig) -> None:
        self._head = head
        self._now = now
        self._terms = terms
        self._tally = Tally(counts_cache=terms.traits.input_counts_cache)
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._error = False
        self.began = False
        """An event has come, whatever it was."""
        self.stop_reason_seen = False
        self.stopped = False
        """`message_stop` has come: nothing that matters follows."""
        self.signatures = Signatures()

    @property
    def usage(self) -> Usage:
        """What the stream has told of tokens so far."""
        return self._tally.usage

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
            if event and (self._error or _is_nameless_error(event)):
                return _behind_200(self._head, event.data, self._terms, self._now)
        if self.stopped or self._held_bytes > MAX_UNCOMMITTED_BYTES:
            return Rejected(Fault.PROVIDER, "no_content", "the stream holds no content")
        return None

    def cut(self, rest: bytes) -> Rejected:
        """Judge a stream that ended before anything meaningful; `rest` is what came behind the last blank line.

        An error or a page in place of a stream ends here as well: it holds no events.
        """
        last = sse.parse(rest)
        if last and (last.kind == "error" or _is_nameless_error(last)):
            return _behind_200(self._head, last.data, self._terms, self._now)
        began, body = self.began or last is not None, b"".join((*self._held, rest))
        if began or not body.strip():
            return unanswered("truncated" if began else "empty", "the stream ended before its first content")
        return _behind_200(self._head, body, self._terms, self._now)

    def follow(self, block: bytes) -> bool:
        """Take the next events of a committed stream; return whether there is more in them than signs of life.

        Only those that tell more than content does are read: reading all would cost more than relaying them.
        """
        telling = sse.telling(block, _TELLING)
        for piece in telling:
            event = sse.parse(piece)
            if event:
                self._take(event)
        return bool(telling) or block.find(b"content_block") >= 0

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
                self._tally.read(event.data)
            case "message_delta":
                self._tally.read(event.data)
                self.stop_reason_seen = self.stop_reason_seen or _has_stop_reason(event.data)
                return self.stop_reason_seen
            case "message_stop":
                self.stopped = True
            case "error":
                self._error = True
            case _:
                pass
        return False


def _is_nameless_error(event: sse.ServerSentEvent) -> bool:
    """Whether an event is an error that only its shape gives away."""
    return not event.kind and read_error(event.data) is not None


def _has_stop_reason(data: bytes) -> bool:
    event = try_decode(_message_delta, data)
    return bool(event and event.delta and event.delta.stop_reason)
