"""From the account of a request to spans: one for the request, and within it one for each attempt.

The attributes are those of OpenTelemetry's conventions for generative AI (`gen_ai.…`, 0.66b2, in development); what has
no name there begins with `claude_proxy.`. Nothing of a conversation is in them, and no provider's own words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from claude_proxy.core.recent_failovers import failovers_of
from claude_proxy.core.text import printable
from claude_proxy.core.types import MAX_MODEL_LENGTH, MAX_SESSION_LENGTH, Account, Attempt, Ending, Usage

_NANOSECONDS: Final = 1_000_000_000
_PROPAGATOR: Final = TraceContextTextMapPropagator()
_GOOD: Final = frozenset({Ending.COMPLETE, Ending.RECOVERED, Ending.CLIENT_LEFT})
_MAX_PARENT: Final = 128
"""Characters; `traceparent` of version 00 has 55."""
_BAD_STATUS: Final = 400


def add_spans(tracer: Tracer, account: Account) -> None:
    """Make the spans of a request that is over."""
    ended_at = account.started_at + account.total_ms / 1000
    operation = "chat" if account.kind == "messages" else account.kind
    model = printable(account.requested_model, MAX_MODEL_LENGTH)
    span = tracer.start_span(
        f"{operation} {model}".strip(),
        _parent(account),
        SpanKind.SERVER,
        _present({"gen_ai.operation.name": operation, "gen_ai.request.model": model, **_of_account(account)}),
        start_time=_nanoseconds(account.started_at),
    )
    within = set_span_in_context(span, Context())
    for number, attempt in enumerate(account.attempts, 1):
        until = ended_at if attempt.accepted and number == len(account.attempts) else None
        _add_attempt(tracer, within, account, attempt, operation, until)
    for check in account.checks:
        _add_attempt(tracer, within, account, check, "check", None)
    if account.ending not in _GOOD or account.status >= _BAD_STATUS:
        _fail(span, account.ending.value if account.ending not in _GOOD else str(account.status))
    span.end(_nanoseconds(ended_at))


def _add_attempt(
    tracer: Tracer, within: Context, account: Account, attempt: Attempt, operation: str, until: float | None
) -> None:
    """Add an attempt; it lasts `until` the answer's end, or if None until it was judged."""
    started_at = account.started_at + attempt.started_ms / 1000
    model = printable(attempt.model, MAX_MODEL_LENGTH)
    attributes = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": attempt.provider,
        "gen_ai.request.model": model,
        "http.response.status_code": attempt.status,
        **_usage(attempt.usage),
        "claude_proxy.cost_dollars": attempt.cost.charged,
        "claude_proxy.plan_cost_dollars": attempt.cost.paid_by_plan,
    }
    kind, start = SpanKind.CLIENT, _nanoseconds(started_at)
    span = tracer.start_span(f"{operation} {model}".strip(), within, kind, _present(attributes), start_time=start)
    if not attempt.accepted:
        _fail(span, attempt.outcome)
    span.end(_nanoseconds(started_at + attempt.milliseconds / 1000 if until is None else until))


def _of_account(account: Account) -> Mapping[str, str | float | None]:
    hints, first = account.hints, account.first_byte_ms
    return {
        "gen_ai.provider.name": account.provider,
        "gen_ai.response.model": printable(account.used_model, MAX_MODEL_LENGTH) if account.provider else "",
        "gen_ai.conversation.id": printable(account.session, MAX_SESSION_LENGTH),
        "gen_ai.agent.id": hints.agent,
        "gen_ai.agent.name": hints.agent_type,
        "http.response.status_code": account.status,
        **_usage(account.usage),
        "claude_proxy.ending": account.ending.value,
        "claude_proxy.class": hints.request_class,
        "claude_proxy.prompt": hints.prompt,
        "claude_proxy.failovers": failovers_of(account.attempts),
        "claude_proxy.time_to_first_byte": None if first is None else first / 1000,
        "claude_proxy.cost_dollars": account.cost,
        "claude_proxy.plan_cost_dollars": account.plan_cost,
        "claude_proxy.anthropic_cost_dollars": account.anthropic_dollars,
    }


def _usage(usage: Usage) -> Mapping[str, int | None]:
    """Return the tokens; by the conventions, those of the input have those of the cache among them."""
    if usage == Usage():
        return {}
    read, written = usage.cache_read_input_tokens, usage.cache_creation_input_tokens
    return {
        "gen_ai.usage.input_tokens": usage.input_tokens + read + written,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": read,
        "gen_ai.usage.cache_creation.input_tokens": written,
    }


def _present(values: Mapping[str, str | float | None]) -> dict[str, str | float]:
    """Return what is known."""
    return {name: value for name, value in values.items() if value is not None and value != ""}


def _parent(account: Account) -> Context:
    """Return the context that the client names; an empty one, which begins a trace, if it names none."""
    return _PROPAGATOR.extract({"traceparent": account.trace_parent[:_MAX_PARENT]}, Context())


def _fail(span: Span, why: str) -> None:
    span.set_attribute("error.type", why)
    span.set_status(StatusCode.ERROR, why)


def _nanoseconds(at: float) -> int:
    return int(at * _NANOSECONDS)
