"""The figures of the page agree with what was recorded, and those of days that are over are read once."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from claude_proxy.core.reasons import Reason
from claude_proxy.core.types import Account, Attempt, Cost
from claude_proxy.core.usage_totals import Sum
from claude_proxy.net.page.figures import DAY, SETTLED, FiguresReader
from claude_proxy.store.usage_db import queries
from claude_proxy.store.usage_db.database import Database
from claude_proxy.store.usage_db.periods import local_date, midnight
from claude_proxy.store.usage_db.requests import RequestFilter
from store.usage_db.accounts import ATTEMPT, NOW, account

ALL = RequestFilter()
NOON = midnight(local_date(NOW)) + DAY / 2
FAILED = Attempt("zai", Reason.PLAN_LIMIT, 429, 500.0, model="glm-5.3")


def record(path: Path, *accounts: Account) -> Path:
    with closing(Database(path)) as database:
        database.add(accounts)
    return path


@pytest.mark.parametrize("days", [7, 30, 90])
def test_each_day_has_a_slot_and_today_is_the_last(tmp_path: Path, days: int) -> None:
    figures = FiguresReader().read(None, days, ALL, NOON)
    assert len(figures.slots) == days
    assert figures.slots[-1].period.name == local_date(NOON).isoformat()
    assert figures.slots[0].period.start == figures.start
    assert figures.end == midnight(local_date(NOON + DAY))


def test_of_one_day_each_hour_has_a_slot() -> None:
    figures = FiguresReader().read(None, 1, ALL, NOON)
    assert len(figures.slots) == 24
    assert (figures.start, figures.end) == (midnight(local_date(NOON)), midnight(local_date(NOON + DAY)))
    assert all(slot.period.end - slot.period.start == 3600 for slot in figures.slots)


def test_costs_stand_at_their_day_and_provider_and_add_up(tmp_path: Path) -> None:
    plan = replace(ATTEMPT, provider="zai", cost=Cost(0.75, is_plan=True))
    path = record(
        tmp_path / "usage.db",
        account(started_at=NOON),
        account(started_at=NOON - DAY, attempts=(FAILED, ATTEMPT)),
        account(started_at=NOON - DAY, provider="zai", attempts=(plan,)),
        account(started_at=NOON - 8 * DAY),
    )
    figures = FiguresReader().read(path, 7, ALL, NOON)
    by_day = [slot.by_provider for slot in figures.slots]
    assert [sorted(each) for each in by_day] == [[]] * 5 + [["minimax", "zai"], ["minimax"]]
    assert by_day[5]["zai"].plan_cost == Sum(0.75)
    assert by_day[5]["minimax"].cost == Sum(0.5)
    assert [(group.name, group.totals.cost, group.totals.plan_cost) for group in figures.providers] == [
        ("minimax", Sum(1.0), Sum()),
        ("zai", Sum(), Sum(0.75)),
    ]
    assert (figures.total.requests, figures.total.failovers, figures.total.cost) == (3, 1, Sum(1.0))
    assert [(each.provider, each.count) for each in figures.failures] == [("zai", 1)]
    assert [len(request.attempts) for request in figures.failovers] == [2]
    assert len(figures.requests) == 3


def test_the_filter_is_for_the_list_of_requests_alone(tmp_path: Path) -> None:
    path = record(tmp_path / "usage.db", account(started_at=NOON, session="a"), account(started_at=NOON, session="b"))
    figures = FiguresReader().read(path, 7, RequestFilter(session="a"), NOON)
    assert ([request.session for request in figures.requests], figures.total.requests) == (["a"], 2)


def test_reasons_of_cache_misses_are_summed_up_over_the_days_the_dearest_first(tmp_path: Path) -> None:
    path = record(tmp_path / "usage.db", *(account(started_at=NOON - n * DAY) for n in range(3)))
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(
            "UPDATE exchanges SET cache_expected_tokens = 2000, cache_miss = 'idle', cache_miss_cost = 0.1"
        )
        database.execute("UPDATE exchanges SET cache_miss = 'provider', cache_miss_cost = 0.3 WHERE id = 2")
    figures = FiguresReader().read(path, 7, ALL, NOON)
    found = [(miss.requests, miss.tokens, round(miss.cost.dollars, 6)) for miss in figures.misses]
    assert found == [(1, 800, 0.3), (2, 1600, 0.2)]


def test_days_that_are_over_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = record(tmp_path / "usage.db", *(account(started_at=NOON - n * DAY) for n in range(7)))
    asked: list[float] = []
    groups = queries.groups

    def counted(database: sqlite3.Connection, by: str, start: float, end: float) -> object:
        asked.append(start)
        return groups(database, by, start, end)

    monkeypatch.setattr(queries, "groups", counted)
    reader = FiguresReader()
    reader.prepare(path, 7, NOON)
    assert len(asked) == 6  # not today
    first = reader.read(path, 7, ALL, NOON)
    assert len(asked) == 7
    record(path, account(started_at=NOON))
    second = reader.read(path, 30, ALL, NOON)
    assert len(asked) == 8 + 23
    assert (first.total.requests, second.total.requests) == (7, 8)


def test_a_day_is_read_again_while_its_last_requests_may_still_run(tmp_path: Path) -> None:
    path = record(tmp_path / "usage.db", account(started_at=NOON))
    reader = FiguresReader()
    just_after = midnight(local_date(NOON + DAY)) + SETTLED
    assert reader.read(path, 7, ALL, just_after).total.requests == 1
    record(path, account(started_at=NOON))
    assert reader.read(path, 7, ALL, just_after + 1).total.requests == 2
    record(path, account(started_at=NOON))
    assert reader.read(path, 7, ALL, just_after + 1).total.requests == 2


def test_another_file_in_its_place_is_read_anew(tmp_path: Path) -> None:
    path = record(tmp_path / "usage.db", account(started_at=NOON - 2 * DAY))
    reader = FiguresReader()
    assert reader.read(path, 7, ALL, NOON).total.requests == 1
    record(tmp_path / "other.db").rename(path)
    assert reader.read(path, 7, ALL, NOON).total.requests == 0


def test_without_a_file_there_is_nothing_and_no_problem(tmp_path: Path) -> None:
    figures = FiguresReader().read(tmp_path / "usage.db", 7, ALL, NOON)
    assert (figures.problem, figures.total.requests, list(figures.requests)) == ("", 0, [])
    FiguresReader().prepare(tmp_path / "usage.db", 7, NOON)


def test_a_damaged_file_is_a_problem_that_is_named(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    path.write_bytes(b"no database " * 1000)
    path.chmod(0o600)
    figures = FiguresReader().read(path, 7, ALL, NOON)
    assert figures.problem.startswith(f"{path} is damaged")
    FiguresReader().prepare(path, 7, NOON)
