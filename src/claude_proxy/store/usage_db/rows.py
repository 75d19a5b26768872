"""The account of an exchange as rows of state/usage.db: each text bounded and on one line, what is unknown None."""

from __future__ import annotations

from typing import Final, TypeAlias

from claude_proxy.core.cache_doctor.finding import CacheFinding
from claude_proxy.core.recent_failovers import failovers_of
from claude_proxy.core.text import printable
from claude_proxy.core.types import MAX_MODEL_LENGTH, MAX_SESSION_LENGTH, Account, Attempt, Usage

Row: TypeAlias = tuple[str | int | float | None, ...]

_MAX_NAME: Final = 100
"""Characters of a name from the configuration."""

CHECK: Final = "check"
"""The purpose of an attempt that is a question to the model that checks tool calls; that of others is empty."""

EXCHANGE_COLUMNS: Final = (
    "id, started_at, ended_at, session, agent, parent_agent, agent_type, prompt, class, kind, streaming, "
    "requested_model, model, provider, pinned, status, ending, input_tokens, output_tokens, cache_read_tokens, "
    "cache_write_5m_tokens, cache_write_1h_tokens, cost, plan_cost, anthropic_cost, first_byte_ms, total_ms, "
    "failovers, cache_expected_tokens, cache_miss, cache_miss_cost"
)

ATTEMPT_COLUMNS: Final = (
    "exchange, number, provider, credential, model, outcome, status, started_ms, judged_ms, input_tokens, "
    "output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, cost, plan_cost, purpose"
)


def exchange_row(number: int, account: Account) -> Row:
    """Return the values of `EXCHANGE_COLUMNS`; `number` is the exchange's id."""
    hints = account.hints
    return (
        number,
        account.started_at,
        account.started_at + account.total_ms / 1000,
        printable(account.session, MAX_SESSION_LENGTH),
        hints.agent,
        hints.parent_agent,
        hints.agent_type,
        hints.prompt,
        hints.request_class,
        account.kind,
        account.streaming,
        printable(account.requested_model, MAX_MODEL_LENGTH),
        printable(account.used_model, MAX_MODEL_LENGTH) if account.provider else "",
        printable(account.provider, _MAX_NAME),
        account.pinned,
        account.status,
        account.ending.value,
        *_tokens(account.usage),
        account.cost,
        account.plan_cost,
        account.anthropic_dollars,
        account.first_byte_ms,
        account.total_ms,
        failovers_of(account.attempts),
        *_cache(account.cache),
    )


def attempt_rows(exchange: int, account: Account) -> list[Row]:
    """Return the values of `ATTEMPT_COLUMNS` for each attempt of an exchange whose row has that id."""
    made = [_attempt_row(exchange, number, attempt, "") for number, attempt in enumerate(account.attempts, 1)]
    if account.checks:
        first = len(made) + 1
        made += [_attempt_row(exchange, number, check, CHECK) for number, check in enumerate(account.checks, first)]
    return made


def _attempt_row(exchange: int, number: int, attempt: Attempt, purpose: str) -> Row:
    return (
        exchange,
        number,
        printable(attempt.provider, _MAX_NAME),
        printable(attempt.credential, _MAX_NAME),
        printable(attempt.model, MAX_MODEL_LENGTH),
        attempt.outcome,
        attempt.status,
        attempt.started_ms,
        attempt.milliseconds,
        *_tokens(attempt.usage),
        attempt.cost.charged,
        attempt.cost.paid_by_plan,
        purpose,
    )


def _cache(finding: CacheFinding | None) -> tuple[int | None, str, float | None]:
    return (None, "", None) if finding is None else (finding.expected_tokens, finding.reason, finding.cost)


def _tokens(usage: Usage) -> tuple[int, int, int, int, int]:
    hour = usage.ephemeral_1h_input_tokens
    five_minutes = usage.cache_creation_input_tokens - hour
    return usage.input_tokens, usage.output_tokens, usage.cache_read_input_tokens, five_minutes, hour
