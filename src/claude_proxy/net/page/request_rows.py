"""Requests as rows of text: made here rather than in the template, where each call costs a microsecond or two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from claude_proxy.core.amounts import short_duration
from claude_proxy.core.live_words import Tone, short_model
from claude_proxy.net.page import wording
from claude_proxy.store.usage_db.requests import RecordedAttempt, RecordedRequest


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """An attempt as the page shows it."""

    provider: str
    purpose: str
    model: str
    result: str
    after: str
    took: str
    cost: str


@dataclass(frozen=True, slots=True)
class RequestRow:
    """A request as the page shows it; an empty text is left out."""

    when: str
    model: str
    kind: str
    failed: Sequence[str]
    """Each provider that failed, and why."""
    provider: str
    used_model: str
    """The provider's name for the model, if that is another one."""
    result: str
    tone: Tone
    tokens: str
    took: str
    cost: str
    facts: Sequence[tuple[str, str]]
    cache_miss: str
    attempts: Sequence[AttemptRow]


def request_rows(requests: Sequence[RecordedRequest], today: date) -> list[RequestRow]:
    """Return the rows of requests, in their order."""
    return [_row(request, today) for request in requests]


def _row(request: RecordedRequest, today: date) -> RequestRow:
    result, tone = wording.result(request)
    kind = wording.kind(request)
    return RequestRow(
        when=wording.clock(request.started_at, today),
        model=short_model(request.requested_model),
        kind="" if kind == "main" else kind,
        failed=wording.failed_attempts(request),
        provider=wording.name(request.provider) or "no answer",
        used_model=short_model(request.model) if request.model != request.requested_model else "",
        result=result,
        tone=tone,
        tokens=wording.tokens(request),
        took=short_duration(request.total_ms),
        cost=wording.cost(request.cost, request.plan_cost),
        facts=[(name, text) for name, text in _facts(request) if text],
        cache_miss=wording.name(request.cache_miss),
        attempts=[_attempt(attempt) for attempt in request.attempts],
    )


def _facts(request: RecordedRequest) -> Sequence[tuple[str, str]]:
    first_byte = "none" if request.first_byte_ms is None else short_duration(request.first_byte_ms)
    return (
        ("session", wording.identifier(request.session)),
        ("prompt", wording.identifier(request.prompt)),
        ("agent", wording.agent(request)),
        ("model", f"{wording.name(request.requested_model)}{', pinned' if request.pinned else ''}"),
        ("status", f"{request.status}, {wording.name(request.ending).replace('_', ' ')}"),
        ("first byte", first_byte),
        (
            "tokens",
            (
                f"{request.input_tokens:,} in, {request.cache_read_tokens:,} from the cache, "
                f"{request.cache_write_tokens:,} written to it, {request.output_tokens:,} out"
            ),
        ),
        ("at Anthropic's prices", wording.dollars(request.anthropic_cost)),
        ("cache missed", wording.name(request.cache_miss)),
    )


def _attempt(attempt: RecordedAttempt) -> AttemptRow:
    return AttemptRow(
        wording.name(attempt.provider),
        wording.name(attempt.purpose),
        short_model(attempt.model),
        wording.outcome(attempt),
        short_duration(attempt.started_ms),
        short_duration(attempt.milliseconds),
        wording.cost(attempt.cost, attempt.plan_cost),
    )
