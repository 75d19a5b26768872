"""An answer that nobody streams, read to its end: JSON as it came, or the message that its events make.

    first bytes ─┬─► JSON, or anything else ─────────────────► Reply, for `judge_body`
                 └─► events ─► StreamJudge, GatheredMessage ─► the same, or Rejected

What an answer is, its first bytes say: providers label streams as JSON, and JSON as streams.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Final

from claude_proxy.core import sse
from claude_proxy.core.answer_forms.gathered_message import GatheredMessage
from claude_proxy.core.judge_body import ClassifierConfig, judge_error_event
from claude_proxy.core.judge_stream import StreamJudge
from claude_proxy.core.memory_budget import MemoryShare
from claude_proxy.core.messages import JSON
from claude_proxy.core.outcome import Opening, Rejected, unanswered
from claude_proxy.core.reasons import Reason
from claude_proxy.core.types import Ending, Fault, Headers, Reply, Usage

_BEGINNINGS: Final = (b"event:", b"data:", b"id:", b"retry:", b":")
"""How the first line of an event stream begins."""


def is_stream(beginning: bytes) -> bool | None:
    """Tell by its first bytes whether an answer is an event stream; None if they are too few."""
    if sse.BYTE_ORDER_MARK.startswith(beginning):
        return None
    text = beginning.removeprefix(sse.BYTE_ORDER_MARK).lstrip()
    if text.startswith(_BEGINNINGS):
        return True
    return None if any(field.startswith(text) for field in _BEGINNINGS) else False


class CollectedAnswer:
    """An answer with the status 200 to a request for a message, of which nothing is passed on before its end."""

    def __init__(
        self,
        head: Reply,
        now: float,
        config: ClassifierConfig,
        tolerance: AbstractContextManager[object],
        memory: MemoryShare,
    ) -> None:
        self._head = head
        self._now = now
        self._config = config
        self._body = bytearray()
        self._is_stream: bool | None = None
        self._decoder = sse.SSEDecoder(memory)
        self._judge = StreamJudge(head, now, config, tolerance)
        self._message = GatheredMessage()
        self._opened = False
        self._rejected: Rejected | None = None

    @property
    def size(self) -> int:
        """Bytes that are held of it."""
        return len(self._body) + self._message.size

    @property
    def usage(self) -> Usage:
        """What its events have said of their tokens; that of a message in one piece is read from its body."""
        return self._judge.usage

    def add(self, data: bytes) -> bool:
        """Take more of its body; return whether that is enough. Raises the errors of `SSEDecoder.feed`."""
        if self._is_stream:
            return self._add_events(data)
        self._body += data
        if self._is_stream is None and (known := is_stream(bytes(self._body[:64]))) is not None:
            self._is_stream = known
            if known:
                data, self._body = bytes(self._body), bytearray()
                return self._add_events(data)
        return False

    def _add_events(self, data: bytes) -> bool:
        block = self._decoder.feed(data)
        if block and self._opened:
            self._judge.follow(block)
            self._take(*self._judge.split_last_event(block))
        elif block:
            outcome = self._judge.opening(block)
            if isinstance(outcome, Opening):
                self._opened = True
                self._take(outcome.reply.body, outcome.last)
            else:
                self._rejected = outcome
        return self._judge.over or self._rejected is not None

    def _take(self, before: bytes, last: bytes) -> None:
        self._message.feed(before)
        if self._judge.has_error and (event := sse.parse(last.rstrip(b"\r\n"))):
            self._rejected = judge_error_event(self._head, event.data, self._config, self._now)

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing, although its end may be."""
        return bool(self._is_stream) and self._judge.ending(Ending.TRUNCATED) is not Ending.TRUNCATED

    def finish(self) -> Reply | Rejected:
        """Return what came as a whole answer, still to be judged; a stream that makes none is judged already."""
        if not self._is_stream:
            body = bytes(self._body).removeprefix(sse.BYTE_ORDER_MARK)
            headers = labelled_json(self._head.headers) if body.lstrip().startswith(b"{") else self._head.headers
            return Reply(self._head.status, headers, body)
        if self._rejected or not self._opened:
            return self._rejected or self._judge.cut(self._decoder.rest)
        if self._judge.ending(Ending.TRUNCATED) is not Ending.COMPLETE:
            return unanswered(Reason.TRUNCATED, "the stream ended before the answer did")
        message = self._message.body()
        if message is None:
            text = f"the answer came as a stream that makes no message: {self._message.fault}"
            return Rejected(Fault.PROVIDER, Reason.MALFORMED, self._head.status, text)
        return Reply(self._head.status, labelled_json(self._head.headers), message)


def is_labelled_json(headers: Headers) -> bool:
    """Whether headers say that the body is JSON."""
    return any(name == b"content-type" and b"json" in value.lower() for name, value in headers)


def labelled_json(headers: Headers) -> Headers:
    """Return the headers of a message, labelled as what it is: the official clients read nothing else as JSON."""
    if is_labelled_json(headers):
        return headers
    return (*(pair for pair in headers if pair[0] != b"content-type"), (b"content-type", JSON))
