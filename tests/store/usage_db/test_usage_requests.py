"""Single requests with their attempts, and when providers failed, as the page reads them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from claude_proxy.core.client_hints import ClientHints
from claude_proxy.core.reasons import Reason
from claude_proxy.core.types import Account, Attempt, Cost, Ending, Usage
from claude_proxy.store.usage_db import queries
from claude_proxy.store.usage_db.database import Database
from claude_proxy.store.usage_db.periods import Period
from claude_proxy.store.usage_db.reading import reading
from claude_proxy.store.usage_db.requests import (
    MAX_ATTEMPTS,
    Failures,
    RecordedRequest,
    RequestFilter,
    failures,
    last_requests,
)
from store.usage_db.accounts import ATTEMPT, NOW, account

FAILED = Attempt("zai", Reason.PLAN_LIMIT, 429, 500.0, model="glm-5.3", started_ms=0.0)
OVERLOADED = Attempt("zai", Reason.STATUS, 529, 500.0, model="glm-5.3", started_ms=0.0)
ALL = RequestFilter()


def record(path: Path, accounts: Iterable[Account]) -> Path:
    with closing(Database(path)) as database:
        database.add(accounts)
    return path


def last(path: Path, wanted: RequestFilter = ALL, limit: int = 10) -> list[RecordedRequest]:
    with reading(path) as database:
        return last_requests(database, 0.0, 2 * NOW, wanted, limit)


def sessions(path: Path, wanted: RequestFilter) -> str:
    return "".join(sorted(request.session for request in last(path, wanted)))


def test_the_last_requests_come_newest_first_each_with_its_attempts(tmp_path: Path) -> None:
    hints = ClientHints(request_class="subagent", agent="a1", agent_type="Explore", prompt="p1")
    path = record(
        tmp_path / "usage.db",
        [
            account(
                session="later", started_at=NOW + 5, hints=hints, attempts=(FAILED, ATTEMPT), anthropic_dollars=2.0
            ),
            account(session="first", started_at=NOW),
            account(session="between", started_at=NOW + 1),
        ],
    )
    found = last(path)
    assert [request.session for request in found] == ["later", "between", "first"]
    request = found[0]
    assert (request.request_class, request.agent, request.agent_type, request.prompt) == (
        "subagent",
        "a1",
        "Explore",
        "p1",
    )
    assert (request.requested_model, request.model, request.provider) == ("claude-opus-5-5", "MiniMax-M3", "minimax")
    tokens = (request.input_tokens, request.output_tokens, request.cache_read_tokens, request.cache_write_tokens)
    assert tokens == (210, 95, 1200, 40)
    assert (request.cost, request.plan_cost, request.anthropic_cost, request.failovers) == (0.5, 0.0, 2.0, 1)
    refused, answered = request.attempts
    assert (refused.provider, refused.outcome, refused.milliseconds, refused.purpose) == (
        "zai",
        "plan_limit",
        500.0,
        "",
    )
    assert (answered.provider, answered.outcome, answered.started_ms, answered.cost) == ("minimax", "200", 12.0, 0.5)
    assert [request.session for request in last(path, limit=2)] == ["later", "between"]


def test_only_requests_of_the_time_are_found(tmp_path: Path) -> None:
    path = record(tmp_path / "usage.db", [account(session=str(n), started_at=NOW + n) for n in range(4)])
    with reading(path) as database:
        found = last_requests(database, NOW + 1, NOW + 3, ALL)
    assert [request.session for request in found] == ["2", "1"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (RequestFilter(), "abcdef"),
        (RequestFilter(provider="minimax"), "abcdf"),
        (RequestFilter(provider="zai"), "bef"),
        (RequestFilter(provider="za"), ""),
        (RequestFilter(provider="zai' OR 1 --"), ""),
        (RequestFilter(model="OPUS"), "abcef"),
        (RequestFilter(model="glm"), "e"),
        (RequestFilter(model="%"), ""),
        (RequestFilter(model="_"), ""),
        (RequestFilter(session="a"), "a"),
        (RequestFilter(session="A"), ""),
        (RequestFilter(session="%"), ""),
        (RequestFilter(request_class="subagent"), "c"),
        (RequestFilter(outcome="failed"), "df"),
        (RequestFilter(outcome="failover"), "bf"),
        (RequestFilter(outcome="saved"), "b"),
        (RequestFilter(outcome="missed"), ""),
        (RequestFilter(provider="zai", outcome="failed", model="opus"), "f"),
    ],
)
def test_a_filter_finds_those_that_pass_all_of_it(tmp_path: Path, wanted: RequestFilter, found: str) -> None:
    path = record(
        tmp_path / "usage.db",
        [
            account(session="a"),
            account(session="b", attempts=(FAILED, ATTEMPT), ending=Ending.RECOVERED),
            account(session="c", hints=ClientHints(request_class="subagent")),
            account(session="d", requested_model="claude-haiku-5-5", used_model="MiniMax-M3", ending=Ending.STALLED),
            account(session="e", provider="zai", used_model="glm-5.3", attempts=(replace(ATTEMPT, provider="zai"),)),
            account(
                session="f",
                provider="",
                status=529,
                attempts=(
                    replace(ATTEMPT, reason=Reason.STATUS, status=529, cost=Cost(0.0), usage=Usage()),
                    OVERLOADED,
                ),
                ending=Ending.ERROR,
            ),
        ],
    )
    assert sessions(path, wanted) == found


def test_of_very_many_attempts_the_first_are_shown(tmp_path: Path) -> None:
    path = record(tmp_path / "usage.db", [account(attempts=(FAILED,) * 100)])
    [request] = last(path)
    assert len(request.attempts) == MAX_ATTEMPTS


def test_without_attempts_there_are_none(tmp_path: Path) -> None:
    assert last(record(tmp_path / "usage.db", [account(attempts=())]))[0].attempts == ()
    assert last(record(tmp_path / "other.db", [])) == []


def test_failures_are_counted_by_provider_and_part_of_the_time(tmp_path: Path) -> None:
    again = replace(FAILED, started_ms=700.0)
    path = record(
        tmp_path / "usage.db",
        [
            account(started_at=NOW, attempts=(FAILED, ATTEMPT)),
            account(started_at=NOW + 1, attempts=(OVERLOADED, ATTEMPT)),
            account(started_at=NOW + 2, attempts=(OVERLOADED, ATTEMPT)),
            account(started_at=NOW + 50, attempts=(FAILED, again, ATTEMPT)),  # once more, then another provider
            account(started_at=NOW + 60, attempts=(FAILED,)),
            account(started_at=NOW + 99.9, attempts=(FAILED, ATTEMPT)),  # fails after the end
            account(started_at=NOW + 100, attempts=(FAILED, ATTEMPT)),
        ],
    )
    with reading(path) as database:
        found = failures(database, NOW, NOW + 100, 10)
        none = failures(database, 0.0, 1.0, 10)
    assert found == [
        Failures("zai", 0, 3, ("529", "plan_limit")),
        Failures("zai", 5, 1, ("plan_limit",)),
        Failures("zai", 9, 1, ("plan_limit",)),
    ]
    assert none == []


def test_a_question_to_the_model_that_checks_tool_calls_is_no_failover(tmp_path: Path) -> None:
    path = record(tmp_path / "usage.db", [account(checks=(replace(ATTEMPT, provider="zai"),))])
    with reading(path) as database:
        assert failures(database, 0.0, 2 * NOW, 10) == []
    [request] = last(path)
    assert [attempt.purpose for attempt in request.attempts] == ["", "check"]


def steps(path: Path, query: Callable[[sqlite3.Connection], object]) -> int:
    """Return how many thousands of SQLite's instructions a query takes."""
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        return 0

    with reading(path) as database:
        database.set_progress_handler(count, 1000)
        query(database)
        database.set_progress_handler(None, 0)
    return counted


def test_the_last_requests_take_as_long_however_many_there_are(tmp_path: Path) -> None:
    few, many = (
        record(tmp_path / f"{count}.db", [account(started_at=NOW + n) for n in range(count)]) for count in (100, 5000)
    )
    assert steps(many, lambda database: queries.totals(database, [Period("", 0.0, 2 * NOW)])) > 100
    for found in (few, many):
        assert steps(found, lambda database: last_requests(database, 0.0, 2 * NOW, ALL, 50)) <= 8
