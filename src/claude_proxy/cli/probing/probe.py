"""Tiny requests to a provider, past the proxy: whether it answers, how soon, and whether it takes the key."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import msgspec

from claude_proxy.cli.probing.probe_requests import MESSAGE, ProbeRequest
from claude_proxy.core.adapt import Adapted, adapt
from claude_proxy.core.headers import find
from claude_proxy.core.judge_body import ClassifierConfig, judge_body
from claude_proxy.core.judge_stream import StreamJudge
from claude_proxy.core.outcome import Opening, Rejected, Whole, unanswered
from claude_proxy.core.reasons import Reason, label, rejects_key
from claude_proxy.core.request import MessagesRequest
from claude_proxy.core.routing import Candidate, model_for
from claude_proxy.core.sse import SSEDecoder
from claude_proxy.core.text import MAX_TEXT, redacted
from claude_proxy.core.types import Auth, Egress, Ending, Headers, Policy, Provider, Reply
from claude_proxy.net.upstream import HttpTransport
from claude_proxy.proxy.ports import Answer, Transport, UpstreamError, UpstreamRequest

MODEL = "claude-haiku-5-5"
"""Mapped by its tier, the cheapest; where a provider maps no names but has its own, the first of those is asked for."""
MAX_ANSWER_BYTES = 1024 * 1024
HEADERS: Headers = (
    (b"content-type", b"application/json"),
    (b"anthropic-version", b"2023-06-01"),
    (b"user-agent", b"claude-cli/2.1.330 (external, sdk-cli)"),
)
"""Those of Claude Code, without which some plans refuse to answer."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What came of a request to one provider; `milliseconds` until the whole answer was there."""

    provider: Provider
    model: str
    milliseconds: float
    reason: Reason | None
    """Why it gave no answer; None if it answered."""
    status: int | None
    error: str
    """The provider's own words, without the key; empty where it answered."""
    clock_ahead: float | None = None
    """Seconds by which this machine's clock is ahead of the provider's; None where it told no date."""
    body: bytes = field(default=b"", repr=False)
    """What it answered."""

    @property
    def answered(self) -> bool:
        return self.reason is None

    @property
    def label(self) -> str:
        """A status, or a word for what went wrong."""
        return label(self.reason, self.status)

    @property
    def key_rejected(self) -> bool:
        """Whether it is the key that has to be mended."""
        return rejects_key(self.reason, self.status)


async def probe_all(providers: Sequence[Provider], policy: Policy, egress: Egress) -> list[Probe]:
    """Ask all providers at the same time, in whose order the results are; none that takes the client's own login."""
    transport = HttpTransport(egress)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_probe(transport, provider, policy, MESSAGE))
                for provider in providers
                if provider.auth is not Auth.CLIENT
            ]
    finally:
        await transport.aclose()
    return [task.result() for task in tasks]


async def probe_one(
    provider: Provider, questions: Sequence[ProbeRequest], policy: Policy, egress: Egress
) -> AsyncIterator[tuple[ProbeRequest, Probe]]:
    """Ask one provider in several ways, one after the other: some take no more than one request at a time."""
    transport = HttpTransport(egress)
    try:
        for question in questions:
            yield question, await _probe(transport, provider, policy, question)
    finally:
        await transport.aclose()


@dataclass(frozen=True, slots=True)
class Fetched:
    """A whole answer, and when its head was there, in seconds since the epoch."""

    reply: Reply
    at: float


async def fetch(
    transport: Transport, provider: Provider, request: UpstreamRequest, *, limit: int = MAX_ANSWER_BYTES
) -> Fetched | Rejected:
    """Return what comes within the provider's own timeouts, up to a number of bytes, or why nothing does."""
    limits = provider.timeouts
    try:
        answer = await transport.open(request, connect_timeout=limits.connect, head_timeout=limits.first_event)
        at = time.time()
        try:
            async with asyncio.timeout(limits.first_content):
                body = await _read(answer, limits.stall, limit)
        finally:
            answer.close()
    except UpstreamError as error:
        return unanswered(error.failure.value, str(error))
    except TimeoutError:
        return unanswered(Reason.TIMEOUT, "it gave no answer in time")
    return Fetched(Reply(answer.status, answer.headers, body), at)


async def _probe(transport: Transport, provider: Provider, policy: Policy, question: ProbeRequest) -> Probe:
    request = _request(provider, question)
    began = time.monotonic()
    found = await fetch(transport, provider, UpstreamRequest(provider.origin, request.head, request.body))
    milliseconds = (time.monotonic() - began) * 1000
    outcome = (
        found if isinstance(found, Rejected) else _judged(question, found, ClassifierConfig(policy, provider.traits))
    )
    rejected = outcome if isinstance(outcome, Rejected) else None
    return Probe(
        provider,
        request.model,
        milliseconds,
        rejected.reason if rejected else None,
        rejected.status if rejected else HTTPStatus.OK,
        redacted(rejected.text, provider.api_key, MAX_TEXT) if rejected else "",
        clock_ahead=None if isinstance(found, Rejected) else _clock_ahead(found),
        body=b"" if isinstance(found, Rejected) else found.reply.body,
    )


def _judged(question: ProbeRequest, found: Fetched, terms: ClassifierConfig) -> Whole | Opening | Rejected:
    if question.streaming and found.reply.status == HTTPStatus.OK:
        return _judged_stream(found, terms)
    return judge_body(found.reply, terms, found.at, counting=question.counting)


def _judged_stream(found: Fetched, terms: ClassifierConfig) -> Whole | Opening | Rejected:
    """Judge a stream that has been read to its end."""
    judge, decoder = StreamJudge(replace(found.reply, body=b""), found.at, terms), SSEDecoder()
    block = decoder.feed(found.reply.body)
    outcome = judge.opening(block) if block else None
    if outcome is None:
        return judge.cut(decoder.rest)
    if isinstance(outcome, Rejected) or judge.ending(Ending.TRUNCATED) is Ending.COMPLETE:
        return outcome
    return unanswered(Reason(judge.ending(Ending.TRUNCATED).value), "the stream did not come to its proper end")


def _clock_ahead(found: Fetched) -> float | None:
    try:
        date = (find(found.reply.headers, b"date") or b"").decode("latin-1")
        return found.at - parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None


async def _read(answer: Answer, silence: float, limit: int) -> bytes:
    body = bytearray()
    while len(body) < limit and (piece := await answer.read(silence)):
        body += piece
    return bytes(body)


def _request(provider: Provider, question: ProbeRequest) -> Adapted:
    maps_nothing = not provider.models and provider.own_models
    model = provider.own_models[0] if maps_nothing else MODEL
    fields = msgspec.json.encode({"model": model, **question.fields})
    request = MessagesRequest.parse(question.path, b"", HEADERS, fields)
    return adapt(request, Candidate(provider, model_for(provider, model)))
