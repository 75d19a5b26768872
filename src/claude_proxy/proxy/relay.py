"""Relays the stream of an answer to its client: whole events, at the client's pace, with a proper end.

pass_on ─► Ending ─┬─► complete ──────────────────────────────► end
                   └─► it died ─► the rest of it ─► pass_on ─► …
"""

from __future__ import annotations

from typing import Final

from claude_proxy.core import reply
from claude_proxy.core.answer_forms.event_names import with_names
from claude_proxy.core.answer_forms.stop_reasons import with_api_reasons
from claude_proxy.core.continuation.continued_answer import ContinuedAnswer
from claude_proxy.core.memory_budget import MemoryShare, OverBudgetError
from claude_proxy.core.sse import EventTooLargeError
from claude_proxy.core.types import Ending
from claude_proxy.proxy.attempt import Streaming
from claude_proxy.proxy.gateway import Gateway
from claude_proxy.proxy.in_flight import Progress
from claude_proxy.proxy.keepalive import Keepalive
from claude_proxy.proxy.ports import StreamClient, UpstreamError
from claude_proxy.proxy.recorder import Recorder

END_GRACE: Final = 1.0
"""Seconds that a provider has to end the body behind its last event; the client waits for nothing else then."""


class StreamRelay:
    """Relays one answer, in one stream or in several."""

    def __init__(
        self,
        gateway: Gateway,
        client: StreamClient,
        keepalive: Keepalive,
        recorder: Recorder,
        memory: MemoryShare,
        progress: Progress,
    ) -> None:
        self._gateway = gateway
        self._client = client
        self._keepalive = keepalive
        self._recorder = recorder
        self._memory = memory
        self._held: MemoryShare | None = None  # what is held back of the answer, once something is
        self._progress = progress
        self._answer: ContinuedAnswer | None = None
        self._error_event = b""  # of a stream that died, in case it is not gone on with
        self._ends_within_block = False
        self.is_over = False
        """Whether the client has its last event."""

    async def pass_on(self, stream: Streaming, answer: ContinuedAnswer | None) -> Ending:
        """Relay whole events as they come, until nothing more comes; return how the stream ended.

        `answer` is what the stream is a part of; None if it is not gone on with. What comes behind the last event is
        read, for a moment, so that the connection can be kept; it goes nowhere.
        """
        self._answer = answer
        now, judge = self._gateway.clock.monotonic, stream.judge
        if judge.stop_reason_seen:
            self.record_signatures(stream)
        await self._begin(stream)
        stall, due, progress = stream.timeouts.stall, now() + _patience(stream), self._progress
        while not self._has_died and (patience := due - (asked := now())) > 0:
            progress.since = asked
            block = await _read(stream, min(stall, patience))
            progress.since = None  # a client that is slow to read waits for nobody
            if isinstance(block, Ending):
                return self._ending(stream, block)
            if block:
                progress.count(block)
                if self._judge(stream, block):
                    due = now() + _patience(stream)
                block, last = judge.split_last_event(block) if judge.over else (block, b"")
                block = judge.in_order(block)
                if judge.has_foreign_stop_reason:
                    block = with_api_reasons(block)
                if judge.over:
                    await self._write_end(stream, block, last)
                elif out := answer.take(block, begins_call=judge.begins_call) if answer else block:
                    await self._write(out)
                elif answer and not self._can_hold(answer):
                    return self._ending(stream, Ending.INTERNAL)
        return self._ending(stream, Ending.STALLED)

    def _can_hold(self, answer: ContinuedAnswer) -> bool:
        """Count what is held back of an answer, twice, as its pieces are small; return whether the budget allows it."""
        self._held = self._held or self._memory.part()
        try:
            self._held.hold(2 * answer.held_bytes)
        except OverBudgetError:
            return False
        return True

    def _judge(self, stream: Streaming, block: bytes) -> bool:
        """Return whether a block wins time. Pings and comments only end a silence: an answer has to go on at last."""
        judge = stream.judge
        if not judge.follow(block):
            return False
        if judge.stop_reason_seen:
            self.record_signatures(stream)  # all of them are there, and the client has not got them yet
        return True

    async def end(self, ending: Ending) -> None:
        """End the answer so that the client knows what it has: all of it, or a reason to ask again."""
        if not self.is_over:
            await self._write_last(self._error_event or reply.last_event(ending))
        await self._client.end()

    async def end_for_claude_code(self, ending: Ending) -> None:
        """End an answer that broke off so that Claude Code asks again by itself."""
        if self.is_over:
            await self._client.end()
        elif events := self._answer.end_at_limit() if self._answer else b"":
            await self.finish(events)
        else:
            await self._keepalive.pause()
            self.is_over = await self._client.break_off()
            if not self.is_over:
                await self.end(ending)

    async def finish(self, events: bytes) -> None:
        """End the answer with these events, which make it complete."""
        await self._write_last(events)
        await self._client.end()

    def record_signatures(self, stream: Streaming) -> None:
        """Remember which upstream made the signatures that have come."""
        with self._gateway.defects:
            self._recorder.record_signatures(stream.judge.signatures.take_hashes())

    @property
    def _has_died(self) -> bool:
        return bool(self._error_event) or self._is_cut

    @property
    def _is_cut(self) -> bool:
        """Whether the stream ended, in whatever order, with a block that is not whole."""
        return self._ends_within_block or (self._answer is not None and self._answer.broken)

    def _ending(self, stream: Streaming, otherwise: Ending) -> Ending:
        if self._is_cut:
            return Ending.TRUNCATED
        if self._error_event and stream.judge.stop_reason_seen:
            self._error_event = b""  # it says nothing of the answer, which is whole
            return Ending.COMPLETE
        return stream.judge.ending(otherwise)

    async def _begin(self, stream: Streaming) -> None:
        self._error_event, self._ends_within_block = b"", False
        opening = stream.opening.body
        self._progress.count(opening)
        if stream.judge.over:
            await self._write_end(stream, opening, stream.last)
            return
        if out := self._answer.take(opening, begins_call=stream.judge.begins_call) if self._answer else opening:
            await self._client.write(out)
        self._keepalive.resume()

    async def _write(self, events: bytes) -> None:
        self._keepalive.reset()
        await self._client.write(events)

    async def _write_end(self, stream: Streaming, before: bytes, last: bytes) -> None:
        """Pass on the last events of a stream; an error event is kept back if the answer may be gone on with."""
        if self._answer is None:
            await self._write_last(before + last)
        elif stream.judge.has_failed(last):
            self._error_event = last
            if out := self._answer.take(before):
                await self._write(out)
        elif stream.judge.stopped and not stream.judge.stop_reason_seen:
            await self._write_end_without_reason(stream, self._answer, before, last)
        else:
            out = self._answer.take(before + last, begins_call=stream.judge.begins_call)
            if not self._answer.broken:
                await self._write_last(out)
            elif out:
                await self._write(out)

    async def _write_end_without_reason(
        self, stream: Streaming, answer: ContinuedAnswer, before: bytes, message_stop: bytes
    ) -> None:
        """Pass on the end of a stream that gave no stop reason: with one, or not at all if it ends within a block."""
        out = answer.take(before)
        end = b"" if answer.broken else answer.end_without_reason(message_stop, stream.judge.usage)
        self._ends_within_block = not end
        if end:
            await self._write_last(out + end)
        elif out:
            await self._write(out)

    async def _write_last(self, events: bytes) -> None:
        self.is_over = True
        await self._keepalive.pause()
        await self._client.write_last(events)


async def _read(stream: Streaming, patience: float) -> bytes | Ending:
    """Return the whole events that have come, or how the stream has ended. Behind its last event nothing counts."""
    try:
        data = await stream.answer.read(patience)
        block = b"" if stream.judge.over else stream.decoder.feed(data)
        if stream.judge.lacks_names or block[:6] != b"event:":
            block = with_names(block)
    except TimeoutError:
        return Ending.STALLED
    except (UpstreamError, EventTooLargeError):
        return Ending.TRUNCATED
    except OverBudgetError:
        return Ending.INTERNAL
    return block if data else Ending.TRUNCATED


def _patience(stream: Streaming) -> float:
    """Return how long it may take until something comes that is more than a sign of life, in seconds."""
    return END_GRACE if stream.judge.over else stream.timeouts.first_content
