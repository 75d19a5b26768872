"""One tiny request to a provider, past the proxy: whether it answers, how soon, and whether it takes the key."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import msgspec

from claude_proxy.core.adapt import Adapted, adapt
from claude_proxy.core.headers import find
from claude_proxy.core.judge import Accepted, Outcome, Terms, judge_body, unanswered
from claude_proxy.core.messages import MESSAGES_PATH
from claude_proxy.core.model import Auth, Egress, Headers, Policy, Provider, Reply
from claude_proxy.core.redact import redacted
from claude_proxy.core.request import MessagesRequest
from claude_proxy.core.routing import Candidate, model_for
from claude_proxy.net.upstream import HttpTransport
from claude_proxy.ports import Answer, Transport, UpstreamError, UpstreamRequest
from claude_proxy.store.text import MAX_TEXT

MODEL = "claude-haiku-5-5"
"""Mapped by its tier, the cheapest; where a provider maps no names but has its own, the first of those is asked for."""
MAX_ANSWER_BYTES = 1024 * 1024
REJECTED_KEY = frozenset({"401", "403"})


@dataclass(frozen=True, slots=True)
class Probe:
    """What came of a request to one provider; `milliseconds` until the whole answer was there."""

    provider: Provider
    model: str
    milliseconds: float
    label: str
    """A status, or a word for what went wrong."""
    error: str
    """The provider's own words, without the key; empty where it answered."""
    answered: bool
    clock_ahead: float | None = None
    """Seconds by which this machine's clock is ahead of the provider's; None where it told no date."""

    @property
    def key_rejected(self) -> bool:
        """Whether it is the key that has to be mended."""
        return self.label in REJECTED_KEY


async def probe_all(providers: Sequence[Provider], policy: Policy, egress: Egress) -> list[Probe]:
    """Ask all providers at the same time, in whose order the results are; none that takes the client's own login."""
    transport = HttpTransport(egress)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_probe(transport, provider, policy))
                for provider in providers
                if provider.auth is not Auth.CLIENT
            ]
    finally:
        await transport.aclose()
    return [task.result() for task in tasks]


async def _probe(transport: Transport, provider: Provider, policy: Policy) -> Probe:
    request = _request(provider)
    began = time.monotonic()
    outcome, ahead = await _ask(transport, provider, request, policy)
    milliseconds = (time.monotonic() - began) * 1000
    answered = isinstance(outcome, Accepted)
    said = "" if isinstance(outcome, Accepted) else redacted(outcome.text, provider.api_key, MAX_TEXT)
    return Probe(provider, request.model, milliseconds, outcome.label, said, answered, ahead)


async def _ask(
    transport: Transport, provider: Provider, request: Adapted, policy: Policy
) -> tuple[Outcome, float | None]:
    """Return what came of the request, and how far our clock is ahead."""
    limits, ahead = provider.timeouts, None
    try:
        answer = await transport.open(
            UpstreamRequest(provider.origin, request.head, request.body),
            connect_timeout=limits.connect,
            head_timeout=limits.first_event,
        )
        ahead = _clock_ahead(answer.headers, time.time())
        try:
            async with asyncio.timeout(limits.first_content):
                body = await _read(answer, limits.stall)
        finally:
            answer.close()
    except UpstreamError as error:
        return unanswered(error.failure.value, str(error)), ahead
    except TimeoutError:
        return unanswered("timeout", "it gave no answer in time"), ahead
    return judge_body(Reply(answer.status, answer.headers, body), Terms(policy, provider.traits), time.time()), ahead


def _clock_ahead(fields: Headers, now: float) -> float | None:
    try:
        return now - parsedate_to_datetime((find(fields, b"date") or b"").decode("latin-1")).timestamp()
    except (ValueError, OverflowError):
        return None


async def _read(answer: Answer, silence: float) -> bytes:
    body = b""
    while len(body) < MAX_ANSWER_BYTES and (piece := await answer.read(silence)):
        body += piece
    return body


def _request(provider: Provider) -> Adapted:
    maps_nothing = not provider.models and provider.own_models
    model = provider.own_models[0] if maps_nothing else MODEL
    fields = {"model": model, "max_tokens": 16, "messages": [{"role": "user", "content": "Say hi."}]}
    headers = (
        (b"content-type", b"application/json"),
        (b"anthropic-version", b"2023-06-01"),
        (b"user-agent", b"claude-cli/2.1.330 (external, sdk-cli)"),
    )
    request = MessagesRequest.parse(MESSAGES_PATH, b"", headers, msgspec.json.encode(fields))
    return adapt(request, Candidate(provider, model_for(provider, model)))
