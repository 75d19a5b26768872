"""Tiny requests to a provider, not through the proxy: whether it answers, how soon, and whether it accepts the key."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import msgspec

from claude_proxy.cli.probing.probe_requests import MESSAGE, ProbeRequest
from claude_proxy.core.adapt import Adapted, adapt
from claude_proxy.core.auth import Auth
from claude_proxy.core.egress import Egress
from claude_proxy.core.headers import find
from claude_proxy.core.judge_body import ClassifierConfig, judge_body
from claude_proxy.core.judge_stream import StreamJudge
from claude_proxy.core.outcome import Opening, Rejected, Whole, unanswered
from claude_proxy.core.reasons import Reason, label, rejects_key
from claude_proxy.core.request import MessagesRequest
from claude_proxy.core.routing import Candidate, model_for
from claude_proxy.core.sse import SSEDecoder
from claude_proxy.core.text import MAX_TEXT, redacted
from claude_proxy.core.types import Ending, Headers, Policy, Provider, Reply
from claude_proxy.net.upstream import HttpTransport
from claude_proxy.proxy.ports import Answer, Transport, UpstreamError, UpstreamRequest

MODEL = "claude-haiku-5-5"
"""Of the cheapest tier, which is mapped; a provider that maps no names gets the first of its own models instead."""
MAX_ANSWER_BYTES = 1024 * 1024
MAX_SECONDS = 180.0
"""How long a short answer may take at most: somebody waits for it."""
HEADERS: Headers = (
    (b"content-type", b"application/json"),
    (b"anthropic-version", b"2023-06-01"),
    (b"user-agent", b"claude-cli/2.1.330 (external, sdk-cli)"),
)
"""Those of Claude Code, without which some plans do not answer."""


@dataclass(frozen=True, slots=True)
class Probe:
    """The result of a request to one provider; `milliseconds` until the answer was complete."""

    provider: Provider
    model: str
    milliseconds: float
    reason: Reason | None
    """Why it gave no answer; None if it answered."""
    status: int | None
    error: str
    """The provider's own message, without the key; empty if it answered."""
    clock_ahead: float | None = None
    """Seconds by which this machine's clock is ahead of the provider's; None if it sent no date."""
    body: bytes = field(default=b"", repr=False)
    """The body of its answer."""

    @property
    def answered(self) -> bool:
        return self.reason is None

    @property
    def label(self) -> str:
        """A status, or a word for what went wrong."""
        return label(self.reason, self.status)

    @property
    def key_rejected(self) -> bool:
        """Whether the key has to be replaced."""
        return rejects_key(self.reason, self.status)


async def probe_all(providers: Sequence[Provider], policy: Policy, egress: Egress) -> list[Probe]:
    """Ask all providers at the same time, but none that uses the client's login; the results are in their order."""
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
    provider: Provider, requests: Sequence[ProbeRequest], policy: Policy, egress: Egress
) -> AsyncIterator[tuple[ProbeRequest, Probe]]:
    """Send one provider several requests, one after the other: some accept only one at a time."""
    transport = HttpTransport(egress)
    try:
        for request in requests:
            yield request, await _probe(transport, provider, policy, request)
    finally:
        await transport.aclose()


@dataclass(frozen=True, slots=True)
class Fetched:
    """A whole answer, and when its head came, in seconds since the epoch."""

    reply: Reply
    at: float


async def fetch(
    transport: Transport, provider: Provider, request: UpstreamRequest, *, limit: int = MAX_ANSWER_BYTES
) -> Fetched | Rejected:
    """Return the answer, up to `limit` bytes and within the provider's own timeouts, or why there is none."""
    limits = provider.timeouts
    try:
        answer = await transport.open(
            request, connect_timeout=limits.connect, head_timeout=min(limits.first_event, MAX_SECONDS)
        )
        at = time.time()
        try:
            async with asyncio.timeout(min(limits.first_content, MAX_SECONDS)):
                body = await _read(answer, limits.stall, limit)
        finally:
            answer.close()
    except UpstreamError as error:
        return unanswered(error.failure.value, str(error))
    except TimeoutError:
        return unanswered(Reason.TIMEOUT, "no answer in time")
    return Fetched(Reply(answer.status, answer.headers, body), at)


async def _probe(transport: Transport, provider: Provider, policy: Policy, probe_request: ProbeRequest) -> Probe:
    request = _request(provider, probe_request)
    began = time.monotonic()
    fetched = await fetch(transport, provider, UpstreamRequest(provider.origin, request.head, request.body))
    milliseconds = (time.monotonic() - began) * 1000
    outcome = (
        fetched
        if isinstance(fetched, Rejected)
        else _judge(probe_request, fetched, ClassifierConfig(policy, provider.traits))
    )
    rejected = outcome if isinstance(outcome, Rejected) else None
    return Probe(
        provider,
        request.model,
        milliseconds,
        rejected.reason if rejected else None,
        rejected.status if rejected else HTTPStatus.OK,
        redacted(rejected.text, provider.api_key, MAX_TEXT) if rejected else "",
        clock_ahead=None if isinstance(fetched, Rejected) else _clock_ahead(fetched),
        body=b"" if isinstance(fetched, Rejected) else fetched.reply.body,
    )


def _judge(request: ProbeRequest, fetched: Fetched, classifier: ClassifierConfig) -> Whole | Opening | Rejected:
    if request.streaming and fetched.reply.status == HTTPStatus.OK:
        return _judge_stream(fetched, classifier)
    return judge_body(fetched.reply, classifier, fetched.at, counting=request.counting)


def _judge_stream(fetched: Fetched, classifier: ClassifierConfig) -> Whole | Opening | Rejected:
    """Judge a stream that has been read to its end."""
    judge, decoder = StreamJudge(msgspec.structs.replace(fetched.reply, body=b""), fetched.at, classifier), SSEDecoder()
    block = decoder.feed(fetched.reply.body)
    outcome = judge.opening(block) if block else None
    if outcome is None:
        return judge.cut(decoder.rest)
    if isinstance(outcome, Rejected) or judge.ending(Ending.TRUNCATED) is Ending.COMPLETE:
        return outcome
    return unanswered(Reason(judge.ending(Ending.TRUNCATED).value), "the stream did not end properly")


def _clock_ahead(fetched: Fetched) -> float | None:
    try:
        date = (find(fetched.reply.headers, b"date") or b"").decode("latin-1")
        return fetched.at - parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None


async def _read(answer: Answer, silence: float, limit: int) -> bytes:
    body = bytearray()
    while len(body) < limit and (piece := await answer.read(silence)):
        body += piece
    return bytes(body)


def _request(provider: Provider, request: ProbeRequest) -> Adapted:
    maps_nothing = not provider.models and provider.own_models
    model = provider.own_models[0] if maps_nothing else MODEL
    fields = msgspec.json.encode({"model": model, **request.fields})
    parsed = MessagesRequest.parse(request.path, b"", HEADERS, fields)
    return adapt(parsed, Candidate(provider, model_for(provider, model)))
