"""One provider, asked once: send, then read until its answer can be judged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final

from claude_proxy.core.adapt import Adapted
from claude_proxy.core.judge import Accepted, ClassifierConfig, Outcome, Rejected, StreamJudge, judge_body, unanswered
from claude_proxy.core.sse import EventTooLargeError, SSEDecoder
from claude_proxy.core.types import Auth, Fault, Provider, Reply, Timeouts
from claude_proxy.proxy.gateway import Gateway
from claude_proxy.proxy.ports import Answer, Failure, UpstreamError, UpstreamRequest

MAX_ANSWER_BYTES: Final = 32 * 1024 * 1024
"""The largest answer that is read whole; the longest real ones, 128,000 tokens, take about 1 MiB."""


@dataclass(frozen=True, slots=True)
class Stream:
    """An accepted stream: what is still to come of it, and what has been learned of it."""

    answer: Answer
    decoder: SSEDecoder
    judge: StreamJudge
    stall: float
    """The longest silence that its provider may keep, in seconds."""


ERROR_PATIENCE: Final = 5.0
"""Seconds that the body of an error may take, where its status alone sends us to the next provider."""


class _AnswerTooLargeError(Exception):
    """The answer is over `MAX_ANSWER_BYTES`."""


async def ask(
    gateway: Gateway, provider: Provider, adapted: Adapted, *, streaming: bool, counting: bool = False
) -> tuple[Outcome, Stream | None]:
    """Return what came of it; the stream besides where one was accepted. Every fault is a `Rejected`, never raised."""
    terms = ClassifierConfig(gateway.policy, provider.traits, by_login=provider.auth is Auth.CLIENT)
    request = UpstreamRequest(provider.origin, adapted.head, adapted.body)
    timeouts = provider.timeouts
    # an answer that is not streamed says nothing until it is whole
    silence = timeouts.first_event if streaming else timeouts.first_content
    try:
        answer = await gateway.transport.open(request, connect_timeout=timeouts.connect, head_timeout=silence)
    except UpstreamError as error:
        return _unreached(error), None
    except TimeoutError:
        return unanswered("first_event_timeout", f"no answer within {silence:g} s"), None
    stream = None
    try:
        if not streaming or answer.status != HTTPStatus.OK:
            return await _whole(gateway, provider, answer, terms, counting=counting), None
        judge = StreamJudge(Reply(200, answer.headers, b""), gateway.clock.wall(), terms)
        opened = Stream(answer, SSEDecoder(), judge, timeouts.stall)
        outcome = await _opening(gateway, provider, opened)
        stream = opened if isinstance(outcome, Accepted) else None
        return outcome, stream
    finally:
        if stream is None:
            answer.close()


def _unreached(error: UpstreamError) -> Rejected:
    if error.failure is Failure.LOCAL:
        # our own trouble: no provider is to blame, and the next one would fail alike
        return Rejected(Fault.REQUEST, Failure.LOCAL.value, str(error))
    return unanswered(error.failure.value, str(error))


async def _opening(gateway: Gateway, provider: Provider, stream: Stream) -> Outcome:
    """Read a stream up to its first meaningful event. Both of its times run from the request's last byte."""
    clock, timeouts, answer = gateway.clock, provider.timeouts, stream.answer
    sent_at = clock.monotonic() - answer.waited
    content_due = sent_at + timeouts.first_content
    due, heard = min(sent_at + timeouts.first_event, content_due), False
    try:
        while data := await answer.read(max(0.0, due - clock.monotonic())):
            block = stream.decoder.feed(data)
            if block and (outcome := stream.judge.opening(block)):
                return outcome
            due, heard = content_due, True
    except UpstreamError as error:
        return unanswered(error.failure.value, str(error))
    except TimeoutError:
        if heard:
            return unanswered("first_content_timeout", f"no content within {timeouts.first_content:g} s")
        return unanswered("first_event_timeout", f"no event within {timeouts.first_event:g} s")
    except EventTooLargeError:
        return unanswered("malformed", "an event of the stream is too large")
    return stream.judge.cut(stream.decoder.rest)


async def _whole(
    gateway: Gateway, provider: Provider, answer: Answer, terms: ClassifierConfig, *, counting: bool
) -> Outcome:
    """Read an answer to its last byte before it is judged, so that failover covers it all.

    A status that sends us to the next provider says enough by itself: its body is not waited for long.
    """
    told_enough = terms.sends_on(answer.status)
    pieces = list[bytes]()
    try:
        await _read_to_end(gateway, provider.timeouts, answer, pieces, hurry=told_enough)
        broken = None
    except UpstreamError as error:
        broken = unanswered(error.failure.value, str(error))
    except TimeoutError:
        broken = unanswered("stalled", "the answer stopped before its end")
    except _AnswerTooLargeError:
        broken = unanswered("malformed", "the answer is too large")
    if broken and not told_enough:
        return broken
    reply = Reply(answer.status, answer.headers, b"".join(pieces))
    outcome = judge_body(reply, terms, gateway.clock.wall(), counting=counting)
    return replace(outcome, reply=None) if broken and isinstance(outcome, Rejected) else outcome


async def _read_to_end(
    gateway: Gateway, timeouts: Timeouts, answer: Answer, pieces: list[bytes], *, hurry: bool
) -> None:
    now = gateway.clock.monotonic
    due = now() + (ERROR_PATIENCE if hurry else timeouts.first_content)  # a body that drips never falls silent
    size = 0
    while data := await answer.read(max(0.0, min(timeouts.stall, due - now()))):
        pieces.append(data)
        size += len(data)
        if size > MAX_ANSWER_BYTES:
            raise _AnswerTooLargeError
