"""Judges a stream: at its first meaningful event, and again at its end.

    events ─► StreamJudge.opening ─► None yet, Opening or Rejected
    the stream ends before that ─► .cut ─► Rejected
    all that follows ─► .follow ─► .ending() ─► Ending

Meaningful is a `content_block_delta` that carries something, or a `message_delta` with a stop reason: only then is it
known that the provider answers, and only then may a byte go to the client.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Final

import msgspec

from claude_proxy.core import sse
from claude_proxy.core.answer_forms import stop_reasons
from claude_proxy.core.answer_forms.event_names import as_error_event
from claude_proxy.core.continuation.event_order import EventOrder
from claude_proxy.core.json_values import try_decode
from claude_proxy.core.judge_body import ClassifierConfig, judge_body, judge_error_event, judge_non_answer
from claude_proxy.core.masking import masked
from claude_proxy.core.messages import STATUS_OF_ERROR, error_body, error_event, read_error
from claude_proxy.core.outcome import Opening, Rejected, Whole, unanswered
from claude_proxy.core.reasons import Reason
from claude_proxy.core.signatures import NEEDLE_IN_DELTA, Signatures
from claude_proxy.core.sse import BYTE_ORDER_MARK
from claude_proxy.core.stream_start import StreamStart, is_empty_block, is_empty_delta
from claude_proxy.core.types import Ending, Fault, Reply, Usage
from claude_proxy.core.usage import Tally

MAX_UNCOMMITTED_BYTES: Final = 1024 * 1024
"""How much of a stream is held while nothing meaningful has come: a `message_start`, pings."""

MAX_UNCOMMITTED_EVENTS: Final = 1024
"""How many events that is at most, comments included: one each second for a quarter of an hour."""


class _Delta(msgspec.Struct):
    stop_reason: str | None = None


class _MessageDelta(msgspec.Struct):
    delta: _Delta | None = None


_TO_READ: Final = (b"message_", b"error", b"content_block_st", NEEDLE_IN_DELTA)
"""What each event holds that says more than content does: in its name, its type or the delta that it carries."""

_NO_TOLERANCE: Final = nullcontext()

_message_delta = msgspec.json.Decoder(_MessageDelta)


_EMPTY_END: Final = b'""}}\n\n'
"""How a delta ends that carries nothing. It is looked for in each block: to look anywhere would cost twice as much."""

_LAST: Final = frozenset({"message_stop", "error"})
"""The events behind which no client expects another."""


class StreamJudge:
    """Watches one stream from its first event to its last, and reads its usage on the way.

    `tolerance` is what usage and signatures are read in: what it lets pass costs no answer.
    """

    __slots__ = (
        "_config",
        "_error",
        "_has_content",
        "_head",
        "_held",
        "_held_bytes",
        "_held_events",
        "_last",
        "_misplaced",
        "_now",
        "_order",
        "_start",
        "_stop_fault",
        "_tally",
        "_tolerance",
        "began",
        "has_foreign_stop_reason",
        "lacks_names",
        "over",
        "signatures",
        "stop_reason_seen",
        "stopped",
    )

    def __init__(
        self,
        head: Reply,
        now: float,
        config: ClassifierConfig,
        tolerance: AbstractContextManager[object] = _NO_TOLERANCE,
    ) -> None:
        self._head = head
        self._now = now
        self._config = config
        self._tally = Tally(counts_cache=config.traits.input_counts_cache)
        self._held: list[bytes] = []
        self._held_bytes = self._held_events = 0
        self._error = self._has_content = False
        self._last = (0, 0)  # where the last event of the stream begins in the newest block, and where it ends
        self._misplaced: list[tuple[int, int]] = []  # where such events stand in the newest block
        self._order = EventOrder()
        self._stop_fault = ""  # why its stop reason makes it no answer
        self._start = StreamStart()
        self._tolerance = tolerance
        self.began = False
        """An event has come, whatever it was."""
        self.stop_reason_seen = False
        self.lacks_names = False
        """Some of its first events had no names: `with_names` adds them."""
        self.has_foreign_stop_reason = False
        """The stop reason is not the API's: `with_api_reasons` puts the API's in its place."""
        self.stopped = False
        """`message_stop` has come."""
        self.over = False
        """The last event has come, `message_stop` or an error: nothing that follows is for the client."""
        self.signatures = Signatures()

    @property
    def usage(self) -> Usage:
        """What the stream has said of tokens so far."""
        return self._tally.usage

    @property
    def begins_call(self) -> bool:
        """Whether a tool call begins in the newest events."""
        return self._order.begins_call

    @property
    def has_error(self) -> bool:
        """Whether its last event is an error."""
        return self._error

    def opening(self, block: bytes) -> Opening | Rejected | None:
        """Take the next events of a stream that is not committed; None while nothing meaningful has come."""
        events: list[sse.ServerSentEvent] = []
        outcome = self._judge_opening(block, events)
        self._read(events)
        return outcome

    def _judge_opening(self, block: bytes, events: list[sse.ServerSentEvent]) -> Opening | Rejected | None:
        """Judge the next events, and add those that are still to be read to `events`."""
        if not self._held:
            block = block.removeprefix(BYTE_ORDER_MARK)
        self._held.append(block)
        self._held_bytes += len(block)
        self._misplaced = []
        begin = behind = 0
        for piece, end in sse.split(block):
            begin, behind = behind, end
            self._held_events += 1
            if self._held_events > MAX_UNCOMMITTED_EVENTS:
                break
            event = sse.parse(piece)
            if event is None:
                continue
            self.began = True
            self.lacks_names = self.lacks_names or not event.name
            if rejected := self._judge_start(event):
                return rejected
            events.append(event)
            self._note_place(event, begin, behind)
            if self._take(event):
                self._read(events)
                events.clear()
                self._follow(block, behind)
                return self._opened(block)
            if self._stop_fault:
                return self._rejected(Reason.ERROR, self._stop_fault)
            if self.stopped:
                break
        too_much = self._held_bytes > MAX_UNCOMMITTED_BYTES or self._held_events > MAX_UNCOMMITTED_EVENTS
        if self.stopped or too_much:
            return self._rejected(Reason.NO_CONTENT, "the stream holds no content")
        self._held[-1] = self.in_order(block)
        return None

    def _judge_start(self, event: sse.ServerSentEvent) -> Rejected | None:
        """Return why the next event, before any content, makes the stream no answer; None if it does not."""
        if event.kind == "error" or _is_nameless_error(event):
            return judge_error_event(self._head, event.data, self._config, self._now)
        if fault := self._start.fault(event):
            return self._rejected(Reason.MALFORMED, f"the stream is not one of the Messages API: {fault}")
        return None

    def _rejected(self, reason: Reason, text: str) -> Rejected:
        return Rejected(Fault.PROVIDER, reason, self._head.status, text)

    def _opened(self, block: bytes) -> Opening:
        before, last = self.split_last_event(block)
        self._held[-1] = self.in_order(before)
        held, self._held = b"".join(self._held), []
        return Opening(Reply(self._head.status, self._head.headers, held), last)

    def whole(self, rest: bytes) -> Whole | None:
        """Return the whole message that came in place of a stream, which has ended; None if none did."""
        if self.began or sse.parse(rest):
            return None
        outcome = self._judge_body(b"".join((*self._held, rest)))
        return outcome if isinstance(outcome, Whole) else None

    def cut(self, rest: bytes) -> Rejected:
        """Judge a stream that ended before anything meaningful; `rest` is what came behind the last blank line.

        An error or a page in place of a stream ends here as well: it holds no events.
        """
        last = sse.parse(rest)
        if last and (last.kind == "error" or _is_nameless_error(last)):
            return judge_error_event(self._head, last.data, self._config, self._now)
        began, body = self.began or last is not None, b"".join((*self._held, rest))
        if began or not body.strip():
            return unanswered(Reason.TRUNCATED if began else Reason.EMPTY, "the stream ended before its first content")
        outcome = self._judge_body(body)
        return outcome if isinstance(outcome, Rejected) else self._rejected(Reason.NONSENSE, "no stream, but a message")

    def _judge_body(self, body: bytes) -> Whole | Rejected:
        body = body.removeprefix(BYTE_ORDER_MARK)
        return judge_body(Reply(self._head.status, self._head.headers, body), self._config, self._now)

    def follow(self, block: bytes) -> bool:
        """Take the next events of a committed stream; return whether there is more in them than signs of life.

        Only those that say more than content does are read: reading all would cost more than relaying them.
        """
        self._misplaced = []
        self._order.begins_call = False
        return self._follow(block) or (
            block.find(b"content_block") >= 0 and not (block.endswith(_EMPTY_END) and _is_empty(block))
        )

    def _follow(self, block: bytes, start: int = 0) -> bool:
        """Read the events of a block from `start` on that say more than content does; return whether there are any."""
        places = sse.places(block, *_TO_READ, start=start)
        events: list[sse.ServerSentEvent] = []
        for piece, begin, behind in places:
            if event := sse.parse(piece):
                self._take(event)
                events.append(event)
                self._note_place(event, begin, behind)
                if self.over:
                    self._last = (begin, behind)
                    break
        if events:
            self._read(events)
        return bool(places)

    def _note_place(self, event: sse.ServerSentEvent, begin: int, behind: int) -> None:
        if not self._order.is_in_place(event.data):
            self._misplaced.append((begin, behind))

    def split_last_event(self, block: bytes) -> tuple[bytes, bytes]:
        """Return what is for the client of the newest block, and apart from it the last event of the stream.

        Whatever stands behind that would be taken for another answer, or break the client. An error event loses the
        provider's key.
        """
        if not self.over:
            return block, b""
        begin, behind = self._last
        if self._stop_fault:
            return block[:begin], error_event(error_body("api_error", f"claude-proxy: {self._stop_fault}"))
        return block[:begin], as_error_event(masked(block[begin:behind], self._config.key))

    def in_order(self, block: bytes) -> bytes:
        """Return the newest block, up to the last event perhaps, without the events that no client can place."""
        if not self._misplaced:
            return block
        pieces, kept = [], 0
        for begin, behind in self._misplaced:
            pieces.append(block[kept:begin])
            kept = behind
        return b"".join((*pieces, block[kept:]))

    def has_failed(self, last: bytes) -> bool:
        """Whether the last event is an error that is not the request's own fault."""
        event = sse.parse(last) if self._error else None
        if event is None:
            return False
        known = read_error(event.data)
        status = STATUS_OF_ERROR.get(known[0], 0) if known else 0
        if 400 <= status < 500 and not self._config.fails_over(status):
            return False
        return judge_non_answer(self._head, event.data, self._config, self._now).fault is not Fault.REQUEST

    def ending(self, otherwise: Ending) -> Ending:
        """Return how a stream has ended from which nothing more comes; `otherwise` if it was not complete."""
        if self._error:
            return Ending.ERROR
        return Ending.COMPLETE if self.stopped or self.stop_reason_seen else otherwise

    def _take(self, event: sse.ServerSentEvent) -> bool:
        """Note how far the stream is; return whether an event is meaningful."""
        match event.kind:
            case "content_block_delta":
                carries = not is_empty_delta(event.data)
                self._has_content = self._has_content or carries
                return carries
            case "content_block_start":
                self._has_content = self._has_content or not is_empty_block(event.data)
            case "message_delta":
                self._stop(_stop_reason(event.data))
                return self.stop_reason_seen
            case "message_stop":
                self.stopped = self.over = True
            case "error":
                self._error = self.over = True
            case "" if _ends_stream(event):
                self._error = self.over = True
            case _:
                pass
        return False

    def _stop(self, reason: str) -> None:
        self._stop_fault = stop_reasons.fault_of(reason, has_content=self._has_content)
        if self._stop_fault:
            self._error = self.over = True
        elif reason:
            self.stop_reason_seen = True
            self.has_foreign_stop_reason = reason != stop_reasons.api_reason(reason)

    def _read(self, events: Iterable[sse.ServerSentEvent]) -> None:
        """Note what events say of tokens, and their signatures."""
        with self._tolerance:
            for event in events:
                if event.kind in {"content_block_start", "content_block_delta"}:
                    self.signatures.read(event.data)
                elif event.kind in {"message_start", "message_delta"}:
                    self._tally.read(event.data)


def _is_nameless_error(event: sse.ServerSentEvent) -> bool:
    """Whether an event is an error that only its shape gives away."""
    return not event.kind and read_error(event.data) is not None


def _ends_stream(event: sse.ServerSentEvent) -> bool:
    """Whether an event in the middle of a stream is an error that only its shape gives away, and says something."""
    return not event.kind and any(read_error(event.data) or ())


def _stop_reason(data: bytes) -> str:
    event = try_decode(_message_delta, data)
    return (event.delta.stop_reason if event and event.delta else None) or ""


def _is_empty(block: bytes) -> bool:
    """Whether all that a block holds of content is deltas that carry nothing: signs of life."""
    events = (sse.parse(piece) for piece, _ in sse.split(block))
    return all(
        event is None or event.kind == "ping" or (event.kind == "content_block_delta" and is_empty_delta(event.data))
        for event in events
    )
