"""What the page shows of the past, read from state/usage.db. Not for the event loop."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise
from operator import add
from pathlib import Path
from typing import Final

from claude_proxy.core.bounded import BoundedDict
from claude_proxy.core.usage_totals import CacheMisses, Group, Sum, Totals
from claude_proxy.store.usage_db import queries
from claude_proxy.store.usage_db.periods import Period, days, local_date, midnight
from claude_proxy.store.usage_db.reading import NothingRecordedError, UnreadableError, reading
from claude_proxy.store.usage_db.requests import (
    Failures,
    RecordedRequest,
    RequestFilter,
    failures,
    last_requests,
)

DAY: Final = 86_400.0
PARTS: Final = 96
"""Of the time line of failovers: about one for each 3 pixels of a phone."""
SETTLED: Final = 6 * 3600.0
"""Seconds after its end from which on nothing is added to a day: no request takes so long."""
MAX_FAILOVERS: Final = 20
"""Of single ones, that are shown below the time line."""
_MAX_DAYS_KEPT: Final = 100


@dataclass(frozen=True, slots=True)
class Slot:
    """An hour or a day, and what was used in it, by provider."""

    period: Period
    by_provider: Mapping[str, Totals]


@dataclass(frozen=True, slots=True)
class Figures:
    """What was used and what failed from `start` to `end`. Without a file, nothing was."""

    start: float
    end: float
    slots: Sequence[Slot]
    problem: str = ""
    """Why the file can't be read, and the next step."""
    providers: Sequence[Group] = ()
    """What each did; the one whose tokens are worth most is first."""
    misses: Sequence[CacheMisses] = ()
    failures: Sequence[Failures] = ()
    failovers: Sequence[RecordedRequest] = ()
    """The last requests for which another provider was asked."""
    requests: Sequence[RecordedRequest] = ()

    @property
    def total(self) -> Totals:
        return reduce(add, (group.totals for group in self.providers), Totals())


@dataclass(frozen=True, slots=True)
class _Part:
    """What was used in one slot, by provider, and why caches were missed."""

    groups: Sequence[Group]
    misses: Sequence[CacheMisses]


class FiguresReader:
    """Reads the figures. It keeps those of days that are over: they are most of the work, and change no more."""

    def __init__(self) -> None:
        self._kept = BoundedDict[tuple[object, float, float], _Part](_MAX_DAYS_KEPT)

    def prepare(self, path: Path | None, day_count: int, now: float) -> None:
        """Read the days that are over, so that the page takes less time."""
        if path is not None:
            with contextlib.suppress(UnreadableError), reading(path) as database:
                for period in _periods(day_count, now):
                    if _is_settled(period, now):
                        self._part(database, _identity(path), period, now)

    def read(self, path: Path | None, day_count: int, wanted: RequestFilter, now: float) -> Figures:
        """Return the figures of the last days, today included, and the requests that pass a filter."""
        periods = _periods(day_count, now)
        nothing = Figures(periods[0].start, periods[-1].end, [Slot(period, {}) for period in periods])
        if path is None:
            return nothing
        try:
            with reading(path) as database:
                return self._read(database, _identity(path), periods, wanted, now)
        except NothingRecordedError:
            return nothing
        except UnreadableError as error:
            return replace(nothing, problem=str(error))

    def _read(
        self, database: sqlite3.Connection, file: object, periods: Sequence[Period], wanted: RequestFilter, now: float
    ) -> Figures:
        start, end = periods[0].start, periods[-1].end
        parts = [self._part(database, file, period, now) for period in periods]
        failed = failures(database, start, end, PARTS)
        failovers = RequestFilter(outcome="failover")
        return Figures(
            start,
            end,
            [
                Slot(period, {group.name: group.totals for group in part.groups})
                for period, part in zip(periods, parts, strict=True)
            ],
            providers=_by_value(group for part in parts for group in part.groups),
            misses=_by_cost(miss for part in parts for miss in part.misses),
            failures=failed,
            failovers=last_requests(database, start, end, failovers, MAX_FAILOVERS) if failed else (),
            requests=last_requests(database, start, end, wanted),
        )

    def _part(self, database: sqlite3.Connection, file: object, period: Period, now: float) -> _Part:
        key = (file, period.start, period.end)
        if (kept := self._kept.get(key)) is not None:
            return kept
        part = _Part(
            queries.groups(database, "provider", period.start, period.end),
            queries.cache_misses(database, period.start, period.end),
        )
        if _is_settled(period, now):
            self._kept[key] = part
        return part


def _is_settled(period: Period, now: float) -> bool:
    return period.end + SETTLED < now


def _periods(day_count: int, now: float) -> list[Period]:
    """Return the last days up to the end of today; the hours of today if it is one day."""
    today = local_date(now)
    end = midnight(local_date(midnight(today) + 1.5 * DAY))
    if day_count > 1:
        return days(midnight(local_date(midnight(today) - (day_count - 1.5) * DAY)), end)
    cuts = [*range(int(midnight(today)), int(end), 3600), int(end)]
    return [Period("", start, stop) for start, stop in pairwise(cuts)]


def _by_value(groups: Iterable[Group]) -> list[Group]:
    """Return the groups with those of the same name added up."""
    found: dict[str, Group] = {}
    for group in groups:
        known = found.get(group.name)
        found[group.name] = known + group if known else group
    return sorted(found.values(), key=lambda group: (-group.totals.value, -group.totals.requests, group.name))


def _by_cost(misses: Iterable[CacheMisses]) -> list[CacheMisses]:
    """Return the cache misses with those for the same reason added up."""
    found: dict[str, CacheMisses] = {}
    for miss in misses:
        known = found.get(miss.reason, CacheMisses(miss.reason, 0, 0, Sum()))
        found[miss.reason] = CacheMisses(
            miss.reason, known.requests + miss.requests, known.tokens + miss.tokens, known.cost + miss.cost
        )
    return sorted(found.values(), key=lambda miss: (-miss.cost.dollars, -miss.tokens, miss.reason))


def _identity(path: Path) -> object:
    """Return what tells a file from one that takes its place."""
    try:
        facts = os.stat(path)  # noqa: PTH116 - as `app/running_file.py` does
    except OSError:
        return None
    return facts.st_dev, facts.st_ino
