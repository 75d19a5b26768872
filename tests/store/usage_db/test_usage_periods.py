"""Days begin at midnight on the user's clock, also those with 23 or 25 hours."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from claude_proxy.store.usage_db.periods import days, overview

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows takes no time zone from TZ")


@contextmanager
def zone(name: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as changed:
        changed.setenv("TZ", name)
        time.tzset()
        yield
    time.tzset()


@pytest.fixture(autouse=True)
def berlin() -> Iterator[None]:
    with zone("CET-1CEST,M3.5.0,M10.5.0/3"):
        yield


def utc(*parts: int) -> float:
    return datetime(*parts, tzinfo=UTC).timestamp()  # type: ignore[misc,arg-type]


def test_the_overview_ends_with_today() -> None:
    today, week, month = overview(utc(2026, 11, 28, 23, 30))  # 0:30 in Berlin
    assert (today.name, week.name, month.name) == ("today", "last 7 days", "November")
    assert (today.start, today.end) == (utc(2026, 11, 28, 23), utc(2026, 11, 29, 23))
    assert (week.start, week.end) == (utc(2026, 11, 22, 23), today.end)
    assert (month.start, month.end) == (utc(2026, 10, 31, 23), today.end)


@pytest.mark.parametrize(("month", "day", "hours"), [(3, 29, 23), (10, 25, 25)])
def test_a_day_on_which_the_clock_changes_has_its_own_length(month: int, day: int, hours: int) -> None:
    (found,) = (one for one in days(utc(2026, month, day - 2), utc(2026, month, day + 2)) if one.name[-2:] == str(day))
    assert found.end - found.start == hours * 3600


def test_a_day_without_a_midnight_begins_when_the_clock_goes_forward() -> None:
    with zone("CST5CDT,M3.2.0/0,M11.1.0/1"):  # Havana
        saturday, sunday = days(utc(2026, 3, 7, 5), utc(2026, 3, 9, 4))
    assert (saturday.name, sunday.name) == ("2026-03-07", "2026-03-08")
    assert (saturday.end, sunday.start) == (utc(2026, 3, 8, 5), utc(2026, 3, 8, 5))


def test_days_follow_each_other_and_are_cut_at_both_ends() -> None:
    start, end = utc(2026, 11, 20, 12), utc(2026, 11, 22, 23)
    found = days(start, end)
    assert [one.name for one in found] == ["2026-11-20", "2026-11-21", "2026-11-22"]
    assert (found[0].start, found[-1].end) == (start, end)
    assert [one.end for one in found[:-1]] == [one.start for one in found[1:]]
