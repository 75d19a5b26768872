"""Sums by period and by what requests have in common agree with what was recorded."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from functools import reduce
from operator import add
from pathlib import Path

import pytest
from msgspec.structs import replace

from claude_proxy.core.cache_doctor.finding import CacheFinding
from claude_proxy.core.client_hints import ClientHints
from claude_proxy.core.reasons import Reason
from claude_proxy.core.types import Account, Attempt, Cost, Ending, Usage
from claude_proxy.core.usage_totals import Group, Sum, Totals
from claude_proxy.store.usage_db import queries
from claude_proxy.store.usage_db.database import Database
from claude_proxy.store.usage_db.periods import Period
from claude_proxy.store.usage_db.reading import reading
from store.usage_db.accounts import ATTEMPT, NOW, account

ALWAYS = Period("", 0.0, 2 * NOW)
OTHER = Attempt("zai", None, 200, 5.0, model="glm-5.3", usage=Usage(1, 2, 3, 4, 1), cost=Cost(0.25))
REJECTED = Attempt("zai", Reason.PLAN_LIMIT, 429, 5.0, model="glm-5.3")


def record(path: Path, accounts: Iterable[Account]) -> None:
    with closing(Database(path)) as database:
        database.add(accounts)


def grouped(path: Path, by: str, period: Period = ALWAYS) -> dict[str, Group]:
    with reading(path) as database:
        return {group.name: group for group in queries.groups(database, by, period.start, period.end)}


def total(path: Path, period: Period = ALWAYS) -> Totals:
    with reading(path) as database:
        return queries.totals(database, [period])[0]


def test_a_period_has_what_began_in_it(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    record(path, [account(started_at=NOW + second) for second in (0, 10, 19.9, 20)])
    first, both, none = Period("a", NOW, NOW + 20), Period("b", NOW, NOW + 30), Period("c", NOW + 50, NOW + 60)
    with reading(path) as database:
        found = queries.totals(database, [both, first, none])
    assert [one.requests for one in found] == [4, 3, 0]
    assert found[1] == reduce(add, [total(path, Period("", NOW + at, NOW + at + 1)) for at in (0, 10, 19)])
    assert found[2] == Totals()


def test_every_kind_of_token_and_money_is_summed_up(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    plan = replace(ATTEMPT, cost=Cost(0.75, is_plan=True))
    record(
        path,
        [
            account(anthropic_dollars=2.0),
            account(anthropic_dollars=3.0, attempts=(plan,)),
            account(attempts=(replace(ATTEMPT, cost=Cost(None)),), anthropic_dollars=4.0),
            account(attempts=(replace(plan, cost=Cost(None, is_plan=True)),)),
        ],
    )
    found = total(path)
    assert (found.input_tokens, found.output_tokens, found.cache_read_tokens) == (4 * 210, 4 * 95, 4 * 1200)
    assert (found.cache_write_5m_tokens, found.cache_write_1h_tokens) == (4 * 10, 4 * 30)
    assert (found.cost, found.plan_cost) == (Sum(0.5, 1), Sum(0.75, 1))
    assert found.anthropic_cost == Sum(9.0, 1)
    assert found.saving == (2.0 - 0.5) + 3.0


def test_requests_that_only_count_tokens_are_not_counted(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    record(path, [account(), account(kind="count_tokens", usage=Usage(), attempts=())])
    assert total(path).requests == 1
    assert total(path).anthropic_cost.unknown == 1  # that of the first; the other one has no tokens


@pytest.mark.parametrize(
    ("status", "ending", "failed"),
    [
        (200, Ending.COMPLETE, 0),
        (200, Ending.RECOVERED, 0),
        (499, Ending.CLIENT_LEFT, 0),
        (200, Ending.CLIENT_LEFT, 0),
        (200, Ending.TRUNCATED, 1),
        (200, Ending.STALLED, 1),
        (200, Ending.ERROR, 1),
        (500, Ending.INTERNAL, 1),
        (529, Ending.COMPLETE, 1),
    ],
)
def test_a_request_failed_if_its_client_got_an_error_or_a_broken_answer(
    tmp_path: Path, status: int, ending: Ending, failed: int
) -> None:
    path = tmp_path / "usage.db"
    record(path, [account(status=status, ending=ending)])
    assert (total(path).failed, total(path).answers_saved) == (failed, int(ending is Ending.RECOVERED))


@pytest.mark.parametrize("by", sorted(queries.NAMES))
def test_the_groups_add_up_to_the_total(tmp_path: Path, by: str) -> None:
    path = tmp_path / "usage.db"
    hints = ClientHints("subagent", "agent", "", "Explore", "prompt")
    recovered = account(attempts=(OTHER, ATTEMPT), usage=Usage(211, 97, 43, 1204, 31), ending=Ending.RECOVERED)
    record(
        path,
        [
            account(),
            replace(recovered, hints=hints),
            account(attempts=(REJECTED, ATTEMPT), session="other"),
            account(attempts=(REJECTED, REJECTED, ATTEMPT), hints=hints),
            account(checks=(OTHER,), usage=Usage(211, 97, 43, 1204, 31)),
            account(attempts=(REJECTED,), provider="", usage=Usage(), status=429, ending=Ending.ERROR),
            account(started_at=3 * NOW),
        ],
    )
    groups = grouped(path, by)
    assert reduce(add, (group.totals for group in groups.values())) == total(path)
    assert total(path).requests == 6
    assert total(path).failovers == 3


def test_each_part_of_an_answer_counts_for_the_provider_that_gave_it(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    usage = Usage(211, 97, 43, 1204, 31)
    record(path, [account(attempts=(OTHER, ATTEMPT), usage=usage, ending=Ending.RECOVERED)])
    for by, first, second in (("provider", "zai", "minimax"), ("model", "glm-5.3", "MiniMax-M3")):
        found = {name: group.totals for name, group in grouped(path, by).items()}
        assert (found[first].requests, found[first].input_tokens, found[first].cost) == (0, 1, Sum(0.25))
        assert (found[second].requests, found[second].input_tokens, found[second].cost) == (1, 210, Sum(0.5))
        assert (found[first].failovers, found[second].failovers) == (1, 0)
        assert (found[first].answers_saved, found[second].answers_saved) == (0, 1)


def test_a_check_of_tool_calls_counts_for_the_provider_that_was_asked(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    record(path, [account(checks=(OTHER,), usage=Usage(211, 97, 43, 1204, 31))])
    found = {name: group.totals for name, group in grouped(path, "provider").items()}
    assert (found["zai"].requests, found["zai"].output_tokens, found["zai"].cost) == (0, 2, Sum(0.25))
    assert (found["minimax"].requests, found["minimax"].failovers) == (1, 0)


@pytest.mark.parametrize(("by", "name"), [("provider", "zai"), ("model", "glm-5.3")])
def test_what_a_provider_charged_for_an_answer_that_nobody_got_is_its_own(tmp_path: Path, by: str, name: str) -> None:
    path = tmp_path / "usage.db"
    left = replace(OTHER, reason=Reason.ABANDONED, status=None)
    failed = account(attempts=(REJECTED,), provider="", usage=Usage(), status=429, ending=Ending.ERROR)
    record(path, [account(attempts=(left,), provider="", usage=OTHER.usage, ending=Ending.CLIENT_LEFT), failed])
    found = {group: each.totals for group, each in grouped(path, by).items()}
    assert set(found) == {"", name}
    assert (found[name].output_tokens, found[name].cost, found[name].requests) == (2, Sum(0.25), 0)
    assert (found[""].output_tokens, found[""].cost, found[""].requests, found[""].failed) == (0, Sum(), 2, 1)


def test_a_failover_counts_for_the_provider_that_failed(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    record(path, [account(attempts=(REJECTED, REJECTED, ATTEMPT)), account(attempts=(ATTEMPT, ATTEMPT))])
    found = {name: group.totals.failovers for name, group in grouped(path, "provider").items()}
    assert found == {"zai": 1, "minimax": 0}


def test_a_group_says_when_its_first_and_its_last_request_began(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    record(path, [account(started_at=NOW + at) for at in (7, 3, 5)])
    group = grouped(path, "session")["5f0c"]
    assert (group.first, group.last) == (NOW + 3, NOW + 7)


def test_agents_are_named_by_their_type(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    hints = [ClientHints(), ClientHints(agent="1", agent_type="Explore"), ClientHints(agent="2")]
    record(path, [account(hints=each) for each in hints])
    assert set(grouped(path, "agent")) == {"main", "Explore", "subagent"}


def test_reasons_of_cache_misses_say_what_they_cost(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    record(path, [account()] * 4)
    with closing(Database(path)) as database:
        for id_, expected, reason, cost in ((1, 2200, "idle", 0.1), (2, 1300, "idle", None), (3, 5000, "tools", 0.7)):
            database._connection.execute(
                "UPDATE exchanges SET cache_expected_tokens = ?, cache_miss = ?, cache_miss_cost = ? WHERE id = ?",
                (expected, reason, cost, id_),
            )
    with reading(path) as found:
        tools, idle = queries.cache_misses(found, ALWAYS.start, ALWAYS.end)
    assert (tools.reason, tools.requests, tools.tokens, tools.cost) == ("tools", 1, 3800, Sum(0.7))
    assert (idle.reason, idle.requests, idle.tokens, idle.cost) == ("idle", 2, 1100, Sum(0.1, 1))


def test_what_accounts_find_of_the_cache_is_summed_up_by_reason(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    missed = [("message 3 changed", 0.1), ("message 12 changed", 0.2), ("unexplained", None), ("", 0.0)]
    findings = [CacheFinding(5000, 3800 if reason else 0, reason, cost) for reason, cost in missed]
    record(path, [account(cache=each) for each in (*findings, None)])
    with reading(path) as found:
        message, unexplained = queries.cache_misses(found, ALWAYS.start, ALWAYS.end)
        rows = found.execute("SELECT cache_expected_tokens, cache_miss, cache_miss_cost FROM exchanges ORDER BY id")
        assert rows.fetchall() == [*[(5000, *each) for each in missed], (None, "", None)]
    assert (message.reason, message.requests, message.cost) == ("a message changed", 2, Sum(0.1 + 0.2))
    assert (unexplained.reason, unexplained.cost) == ("unexplained", Sum(0.0, 1))
