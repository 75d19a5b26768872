"""Single requests with their attempts, and when providers failed: for the page.

Each query reads a bounded number of rows of a bounded time, and returns a bounded number of values.
"""

# ruff: noqa: S608 - the queries are put together from constants of this file

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

MAX_REQUESTS: Final = 500
MAX_ATTEMPTS: Final = 16
"""Of one request, that are shown; more only come from a long list of providers that all fail."""
MAX_REASONS: Final = 20

OUTCOMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "failed": "(status >= 400 OR ending IN ('truncated', 'stalled', 'error', 'internal')) "
        "AND ending <> 'client_left'",
        "failover": "failovers > 0",
        "saved": "ending = 'recovered'",
        "missed": "cache_miss <> ''",
    }
)
"""What requests can be filtered by, besides what they were for; the conditions are those that `queries` counts by."""

_BETWEEN: Final = "started_at >= :start AND started_at < :end"

_FAILURES: Final = f"""SELECT attempts.provider,
        CAST((started_at + (attempts.started_ms + attempts.judged_ms) / 1000 - :start) / :step AS INTEGER),
        attempts.outcome, COUNT(*)
    FROM attempts AS following
    CROSS JOIN attempts ON attempts.exchange = following.exchange AND attempts.number = following.number - 1
    CROSS JOIN exchanges ON exchanges.id = following.exchange
    WHERE following.exchange BETWEEN :first AND :last AND following.number > 1 AND following.purpose = ''
        AND following.provider <> attempts.provider AND {_BETWEEN}
    GROUP BY 1, 2, 3 ORDER BY 2, 1, 4 DESC"""
"""Begins with the attempts: those that follow another one are few, and found without a look at any exchange."""


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """Which requests are meant; an empty text leaves that open."""

    provider: str = ""
    """One that was asked, whether it answered or not."""
    model: str = ""
    """A part of the model's name, of the one that was asked for or the one that answered."""
    session: str = ""
    """How the session's id begins."""
    request_class: str = ""
    outcome: str = ""
    """One of `OUTCOMES`."""


@dataclass(frozen=True, slots=True)
class RecordedAttempt:
    """One request to a provider, as it was recorded."""

    provider: str
    model: str
    outcome: str
    started_ms: float
    milliseconds: float
    output_tokens: int
    cost: float | None
    plan_cost: float | None
    purpose: str


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request that is over, as it was recorded. Times are seconds since the epoch, money is US dollars."""

    number: int
    started_at: float
    session: str
    agent: str
    agent_type: str
    prompt: str
    request_class: str
    kind: str
    requested_model: str
    model: str
    provider: str
    pinned: int
    status: int
    ending: str
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cost: float | None
    plan_cost: float | None
    anthropic_cost: float | None
    first_byte_ms: float | None
    total_ms: float
    failovers: int
    cache_miss: str
    attempts: tuple[RecordedAttempt, ...] = ()


_REQUEST: Final = """id, started_at, session, agent, agent_type, prompt, class, kind, requested_model, model, provider,
    pinned, status, ending, input_tokens, output_tokens, cache_read_tokens,
    cache_write_5m_tokens + cache_write_1h_tokens, cost, plan_cost, anthropic_cost, first_byte_ms, total_ms, failovers,
    cache_miss"""
"""The fields of `RecordedRequest`, in their order."""

_ATTEMPT: Final = "provider, model, outcome, started_ms, judged_ms, output_tokens, cost, plan_cost, purpose"
"""The fields of `RecordedAttempt`, in their order."""


@dataclass(frozen=True, slots=True)
class Failures:
    """How often a provider failed, in one part of a time, so that another one was asked."""

    provider: str
    part: int
    """The number of that part, from 0 on."""
    count: int
    outcomes: tuple[str, ...]
    """How: the most frequent is first."""


def last_requests(
    database: sqlite3.Connection, start: float, end: float, wanted: RequestFilter, limit: int = MAX_REQUESTS
) -> list[RecordedRequest]:
    """Return the last requests between two moments that pass a filter, the newest first."""
    conditions, values = _conditions(wanted)
    query = f"""SELECT {_REQUEST} FROM exchanges WHERE {" AND ".join([_BETWEEN, *conditions])}
        ORDER BY started_at DESC, id DESC LIMIT :limit"""
    rows = database.execute(query, {**values, "start": start, "end": end, "limit": limit}).fetchall()
    attempts = _attempts(database, [row[0] for row in rows])
    complete = ((*row, tuple(attempts.get(row[0], ()))) for row in rows)
    return [RecordedRequest(*values) for values in complete]


def failures(database: sqlite3.Connection, start: float, end: float, parts: int) -> list[Failures]:
    """Return when providers failed and another one was asked, in equal parts of a time."""
    step = (end - start) / parts
    counts: dict[tuple[int, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    query = f"SELECT MIN(id), MAX(id) FROM exchanges WHERE {_BETWEEN}"
    first, last = database.execute(query, {"start": start, "end": end}).fetchone()
    values = {"start": start, "end": end, "step": step, "first": first, "last": last}
    for provider, part, outcome, count in database.execute(_FAILURES, values):
        counts[min(part, parts - 1), provider][outcome] += count
    return [
        Failures(provider, part, sum(outcomes.values()), tuple(outcomes)[:MAX_REASONS])
        for (part, provider), outcomes in counts.items()
    ]


def _conditions(wanted: RequestFilter) -> tuple[list[str], dict[str, str]]:
    conditions, values = [], {}
    if wanted.provider:
        conditions.append(
            "EXISTS (SELECT 1 FROM attempts WHERE exchange = exchanges.id AND attempts.provider = :provider)"
        )
        values["provider"] = wanted.provider
    if wanted.model:
        conditions.append("(instr(lower(requested_model), :model) OR instr(lower(model), :model))")
        values["model"] = wanted.model.lower()
    if wanted.session:
        conditions.append("substr(session, 1, length(:session)) = :session")
        values["session"] = wanted.session
    if wanted.request_class:
        conditions.append("class = :class")
        values["class"] = wanted.request_class
    if wanted.outcome:
        conditions.append(f"({OUTCOMES[wanted.outcome]})")
    return conditions, values


def _attempts(database: sqlite3.Connection, exchanges: Sequence[int]) -> dict[int, list[RecordedAttempt]]:
    places = ", ".join("?" for _ in exchanges)
    query = f"SELECT exchange, {_ATTEMPT} FROM attempts WHERE exchange IN ({places}) AND number <= {MAX_ATTEMPTS}"
    found: dict[int, list[RecordedAttempt]] = defaultdict(list)
    for exchange, *values in database.execute(f"{query} ORDER BY exchange, number", exchanges):
        found[exchange].append(RecordedAttempt(*values))
    return found
