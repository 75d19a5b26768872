"""What `usage` shows: groups of requests, or the reasons for which prompt caches were missed."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

from claude_proxy.core.usage_totals import CacheMisses, Group, Totals
from claude_proxy.store.usage_db import queries
from claude_proxy.store.usage_db.periods import Period, days

PERIOD: Final = "period"
DAY: Final = "day"
GROUPINGS: Final = (*queries.NAMES, DAY)
"""The values of `--by`."""

_NEWEST_FIRST: Final = frozenset({"session", "prompt"})


@dataclass(frozen=True, slots=True)
class UsageReport:
    """Groups of requests, in the order in which they are shown."""

    by: str
    """What those of a group have in common: one of `GROUPINGS`, or `PERIOD`; then groups may overlap."""
    start: float
    end: float
    groups: tuple[Group, ...] = ()

    @property
    def total(self) -> Totals:
        return sum((group.totals for group in self.groups), Totals())


@dataclass(frozen=True, slots=True)
class CacheReport:
    """Why prompt caches were missed, and what came from them at all."""

    start: float
    end: float
    total: Totals
    misses: tuple[CacheMisses, ...]


def of_periods(database: sqlite3.Connection | None, periods: list[Period], by: str = PERIOD) -> UsageReport:
    """Return a group for each period. Without a database nothing is recorded."""
    totals = queries.totals(database, periods) if database else [Totals()] * len(periods)
    groups = (Group(one.name, one.start, one.end, total) for one, total in zip(periods, totals, strict=True))
    return UsageReport(by, min(one.start for one in periods), max(one.end for one in periods), tuple(groups))


def grouped(database: sqlite3.Connection | None, by: str, start: float, end: float) -> UsageReport:
    """Return the groups that have requests: days in their order, sessions and prompts newest first, else by value."""
    if not database:
        return UsageReport(by, start, end)
    if by == DAY:
        found = of_periods(database, days(start, end), DAY).groups
        return UsageReport(by, start, end, tuple(group for group in found if group.totals != Totals()))
    groups = queries.groups(database, by, start, end)
    if by in _NEWEST_FIRST:
        groups.sort(key=lambda group: -group.last)
    else:
        groups.sort(key=lambda group: (-group.totals.value, -group.totals.requests, group.name))
    return UsageReport(by, start, end, tuple(groups))


def of_cache(database: sqlite3.Connection | None, start: float, end: float) -> CacheReport:
    """Return why caches were missed, the dearest reason first."""
    if not database:
        return CacheReport(start, end, Totals(), ())
    (total,) = queries.totals(database, [Period("", start, end)])
    return CacheReport(start, end, total, tuple(queries.cache_misses(database, start, end)))
