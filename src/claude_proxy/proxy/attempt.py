"""One adapted request to one provider: send it, and read until its answer can be judged.

ask ─► the head ─┬─► a stream ─► its first meaningful event ─► Streaming or Rejected
                 ├─► a message ─► its last byte ─────────────► Whole or Rejected
                 └─► anything else ─► its last byte ─────────► Whole or Rejected

An answer in the other form than the one that was asked for is as good: a message becomes a stream, a stream a message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from http import HTTPStatus
from types import MappingProxyType
from typing import Final, Protocol, TypeAlias

import msgspec

from claude_proxy.core.answer_forms.collected_answer import CollectedAnswer, is_labelled_json
from claude_proxy.core.answer_forms.event_names import with_names
from claude_proxy.core.answer_forms.message_events import message_events
from claude_proxy.core.answer_forms.stop_reasons import with_api_reasons
from claude_proxy.core.auth import Auth
from claude_proxy.core.judge_body import ClassifierConfig, judge_body, judge_status
from claude_proxy.core.judge_stream import StreamJudge
from claude_proxy.core.masking import masked, masked_headers
from claude_proxy.core.memory_budget import MemoryShare, OverBudgetError
from claude_proxy.core.outcome import Opening, Rejected, Whole, unanswered
from claude_proxy.core.quota.sources import IN_HEADERS
from claude_proxy.core.reasons import Reason
from claude_proxy.core.sse import EventTooLargeError, SSEDecoder
from claude_proxy.core.tool_renaming import RenamingDecoder, rename_calls
from claude_proxy.core.types import Fault, Provider, Reply, Timeouts, Usage
from claude_proxy.proxy.gateway import Gateway
from claude_proxy.proxy.ports import Answer, Clock, Failure, UpstreamError, UpstreamRequest

MAX_ANSWER_BYTES: Final = 32 * 1024 * 1024
"""The largest answer that is read whole; the longest real ones, 128,000 tokens, take about 1 MiB."""

_NO_NAMES: Final[Mapping[str, str]] = MappingProxyType({})

ERROR_PATIENCE: Final = 5.0
"""Seconds that the body of an error may take, if its status alone sends the request to the next provider."""


class Streaming(msgspec.Struct, frozen=True):
    """An accepted stream: its opening, and what reads and judges the rest of it."""

    opening: Reply
    """Its head, and all of its events that have come with the first meaningful one."""
    last: bytes
    """The last event of the stream, if it is among them; it is not in `opening`."""
    answer: Answer
    decoder: SSEDecoder
    judge: StreamJudge
    timeouts: Timeouts
    """How long its provider may be silent, and send nothing but signs of life."""


Accepted: TypeAlias = Whole | Streaming
Outcome: TypeAlias = Accepted | Rejected


class Told(Protocol):
    """What is being read of an answer."""

    @property
    def usage(self) -> Usage:
        """What it has said of its tokens until now."""
        ...


class _AnswerTooLargeError(Exception):
    """The answer is over `MAX_ANSWER_BYTES`."""


async def ask(
    gateway: Gateway,
    provider: Provider,
    request: UpstreamRequest,
    memory: MemoryShare,
    *,
    streaming: bool,
    counting: bool = False,
    tool_names: Mapping[str, str] = _NO_NAMES,
    reading: Callable[[Told], object] = lambda _: None,
) -> Outcome:
    """Send a request to a provider, and return what came of it. Every fault is a `Rejected`, never raised.

    So is a defect in reading the answer: what it says is not known then, and the next provider is asked.
    If the head of the answer quotes the provider's key, or an error does, the key is taken out.
    `reading` gets what is read of the answer as it begins, so that its tokens are known if nobody waits for its end.
    Tools get the names back that `tool_names` has for the provider's.
    What is held of the answer is counted in `memory`, also of the outcome; the caller closes it.
    """
    config = ClassifierConfig(
        gateway.policy, provider.traits, by_login=provider.auth is Auth.CLIENT, key=provider.api_key
    )
    timeouts = provider.timeouts
    # an answer that is not streamed says nothing until it is whole
    silence = timeouts.first_event if streaming else timeouts.first_content
    try:
        answer = await gateway.transport.open(request, connect_timeout=timeouts.connect, head_timeout=silence)
    except UpstreamError as error:
        return _failed(error)
    except TimeoutError:
        return unanswered(Reason.FIRST_EVENT_TIMEOUT, f"no answer within {silence:g} s")
    except Exception as defect:  # noqa: BLE001 - whatever a provider sends, the failover goes on
        return _unreadable(gateway, config, defect)
    _take_limits(gateway, provider, answer)
    outcome: Outcome | None = None
    try:
        if streaming and answer.status == HTTPStatus.OK:
            outcome = await _open_stream(gateway, timeouts, answer, config, memory, tool_names, reading=reading)
        elif answer.status == HTTPStatus.OK and not counting:
            outcome = await _collect_message(gateway, timeouts, answer, config, memory, reading=reading)
        else:
            outcome = await _read_whole(gateway, timeouts, answer, config, memory, counting=counting)
        if tool_names and isinstance(outcome, Whole):
            outcome = Whole(_with_own_names(outcome.reply, tool_names))
        return outcome
    except OverBudgetError as error:
        return Rejected(Fault.INTERNAL, Reason.MEMORY, text=str(error))
    except Exception as defect:  # noqa: BLE001 - as above
        return _unreadable(gateway, config, defect)
    finally:
        if not isinstance(outcome, Streaming):
            answer.close()


def _take_limits(gateway: Gateway, provider: Provider, answer: Answer) -> None:
    if provider.quota == IN_HEADERS and gateway.quota:
        gateway.quota.take_headers(provider, answer.status, answer.headers)


def _unreadable(gateway: Gateway, config: ClassifierConfig, defect: Exception) -> Rejected:
    gateway.defects.note(defect)
    return judge_status(Reply(200, (), b""), config)


def _failed(error: UpstreamError) -> Rejected:
    # without descriptors, no provider is to blame, and the next one would fail alike
    fault = Fault.INTERNAL if error.failure is Failure.LOCAL else Fault.PROVIDER
    return Rejected(fault, error.failure.value, text=str(error))


async def _open_stream(
    gateway: Gateway,
    timeouts: Timeouts,
    answer: Answer,
    config: ClassifierConfig,
    memory: MemoryShare,
    tool_names: Mapping[str, str],
    *,
    reading: Callable[[Told], object],
) -> Streaming | Rejected:
    part = memory.part()
    decoder = RenamingDecoder(part, tool_names) if tool_names else SSEDecoder(part)
    head = Reply(200, masked_headers(answer.headers, config.key), b"")
    judge = StreamJudge(head, gateway.clock.wall(), config, gateway.defects)
    reading(judge)
    outcome = await _read_opening(gateway.clock, timeouts, answer, decoder, judge, memory)
    if isinstance(outcome, Whole):
        events = message_events(_with_own_names(outcome.reply, tool_names).body if tool_names else outcome.reply.body)
        if events is None:
            return Rejected(
                Fault.PROVIDER, Reason.MALFORMED, 200, "a message of too many blocks came in place of a stream"
            )
        memory.hold(len(events))
        judge = StreamJudge(head, gateway.clock.wall(), config, gateway.defects)
        reading(judge)
        outcome = judge.opening(events) or judge.cut(b"")
    if isinstance(outcome, Rejected):
        return outcome
    opening, last = _as_clients_read(outcome, judge)
    return Streaming(opening, last, answer, decoder, judge, timeouts)


def _with_own_names(reply: Reply, tool_names: Mapping[str, str]) -> Reply:
    return msgspec.structs.replace(reply, body=rename_calls(reply.body, tool_names))


def _as_clients_read(opening: Opening, judge: StreamJudge) -> tuple[Reply, bytes]:
    """Return an opening and its last event with what clients need that its provider has left out."""
    reply, last = opening.reply, opening.last
    if judge.lacks_names:
        reply, last = msgspec.structs.replace(reply, body=with_names(reply.body)), with_names(last)
    if judge.has_foreign_stop_reason:
        reply = msgspec.structs.replace(reply, body=with_api_reasons(reply.body))
    return reply, last


async def _read_opening(
    clock: Clock, timeouts: Timeouts, answer: Answer, decoder: SSEDecoder, judge: StreamJudge, memory: MemoryShare
) -> Opening | Whole | Rejected:
    """Read a stream up to its first meaningful event. Its first two times run from the request's last byte."""
    now = clock.monotonic
    sent_at = now() - answer.waited
    content_due = sent_at + timeouts.first_content
    due, has_begun, size = min(sent_at + timeouts.first_event, content_due), False, 0
    if is_labelled_json(answer.headers):
        due = content_due  # it says nothing until it is whole
    try:
        while data := await answer.read(max(0.0, due - now())):
            block = decoder.feed(data)
            size += len(block)
            memory.hold(size)
            if block and (outcome := judge.opening(block)):
                return outcome
            due, has_begun = min(now() + timeouts.stall, content_due), True
    except UpstreamError as error:
        return _failed(error)
    except TimeoutError:
        if not has_begun:
            return unanswered(Reason.FIRST_EVENT_TIMEOUT, f"no event within {timeouts.first_event:g} s")
        if due < content_due:
            return unanswered(Reason.STALLED, f"silent for {timeouts.stall:g} s before its first content")
        return unanswered(Reason.FIRST_CONTENT_TIMEOUT, f"no content within {timeouts.first_content:g} s")
    except EventTooLargeError:
        return unanswered(Reason.MALFORMED, "an event of the stream is too large")
    return judge.whole(decoder.rest) or judge.cut(decoder.rest)


async def _collect_message(
    gateway: Gateway,
    timeouts: Timeouts,
    answer: Answer,
    config: ClassifierConfig,
    memory: MemoryShare,
    *,
    reading: Callable[[Told], object],
) -> Whole | Rejected:
    """Read a message to its end, in whichever form it comes, before it is judged."""
    head = Reply(200, masked_headers(answer.headers, config.key), b"")
    collected = CollectedAnswer(head, gateway.clock.wall(), config, gateway.defects, memory.part())
    reading(collected)

    def add(data: bytes) -> bool:
        is_enough = collected.add(data)
        _hold(memory, collected.size)
        return is_enough

    broken = await _read_to_end(gateway.clock, timeouts, answer, add, timeouts.first_content)
    if broken and not collected.is_complete:
        return broken
    with gateway.defects:
        reply = collected.finish()
        return reply if isinstance(reply, Rejected) else judge_body(reply, config, gateway.clock.wall())
    return judge_status(head, config)


async def _read_whole(
    gateway: Gateway,
    timeouts: Timeouts,
    answer: Answer,
    config: ClassifierConfig,
    memory: MemoryShare,
    *,
    counting: bool,
) -> Whole | Rejected:
    """Read an answer to its last byte before it is judged, so that failover covers it all.

    A status that sends the request to the next provider says enough by itself: its body is not waited for long.
    """
    status_suffices = config.fails_over(answer.status)
    body = bytearray()

    def add(data: bytes) -> bool:
        body.extend(data)
        _hold(memory, len(body))
        return False

    patience = ERROR_PATIENCE if status_suffices else timeouts.first_content
    broken = await _read_to_end(gateway.clock, timeouts, answer, add, patience)
    if broken and not status_suffices:
        return broken
    headers, whole = masked_headers(answer.headers, config.key), bytes(body)
    reply = Reply(answer.status, headers, whole if answer.status == HTTPStatus.OK else masked(whole, config.key))
    outcome: Whole | Rejected = judge_status(reply, config)
    with gateway.defects:
        outcome = judge_body(reply, config, gateway.clock.wall(), counting=counting)
    return replace(outcome, reply=None) if broken and isinstance(outcome, Rejected) else outcome


def _hold(memory: MemoryShare, size: int) -> None:
    memory.hold(2 * size)  # it is copied at its end
    if size > MAX_ANSWER_BYTES:
        raise _AnswerTooLargeError


async def _read_to_end(
    clock: Clock, timeouts: Timeouts, answer: Answer, add: Callable[[bytes], bool], patience: float
) -> Rejected | None:
    """Read a body until `add` says that it is enough, or it ends; return how it broke, if it did."""
    now = clock.monotonic
    due = now() + patience  # a body that drips never falls silent
    silence = timeouts.first_content  # its head may have come before a model has thought of the first word
    try:
        while data := await answer.read(max(0.0, min(silence, due - now()))):
            if not data.isspace():
                silence = timeouts.stall  # blanks are signs of life in front of JSON
            if add(data):
                break
    except UpstreamError as error:
        return _failed(error)
    except TimeoutError:
        return unanswered(Reason.STALLED, "the answer stopped before its end")
    except _AnswerTooLargeError:
        return unanswered(Reason.MALFORMED, "the answer is too large")
    except EventTooLargeError:
        return unanswered(Reason.MALFORMED, "an event of the stream is too large")
    return None
