"""What was spent before this process began: the sums that it goes on with, read once from state/usage.db."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from claude_proxy.core.spending import MAX_SESSIONS
from claude_proxy.core.status_report import Spent
from claude_proxy.store.usage_db.periods import days, local_date, midnight
from claude_proxy.store.usage_db.reading import UnreadableError, reading

SESSION_DAYS: Final = 30
"""As long as Claude Code keeps a session that is not used, by default (`cleanupPeriodDays`)."""

_SUMS: Final = "TOTAL(cost), SUM(cost IS NULL), TOTAL(plan_cost), SUM(failovers)"
_TODAY: Final = f"SELECT {_SUMS} FROM exchanges WHERE started_at >= ? AND ended_at < ?"  # noqa: S608 - constants
_SESSIONS: Final = f"""SELECT session, {_SUMS} FROM exchanges
    WHERE started_at >= ? AND started_at < ? AND ended_at < ? AND session <> ''
    GROUP BY session ORDER BY MAX(started_at) DESC"""  # noqa: S608 - constants
_PROVIDERS: Final = """SELECT attempts.provider, TOTAL(attempts.cost), SUM(attempts.cost IS NULL)
    FROM exchanges JOIN attempts ON attempts.exchange = exchanges.id
    WHERE exchanges.started_at >= ? AND exchanges.started_at < ? AND exchanges.ended_at < ?
    GROUP BY attempts.provider"""
_DAY: Final = 86_400
_PIECE: Final = 6 * 3600


@dataclass(frozen=True, slots=True)
class EarlierSpending:
    """The sums of the day that it is, and of each session, the newest last."""

    today: Spent
    sessions: Mapping[str, Spent]
    day_of: Mapping[str, Spent]
    """By provider, with what the auto_mode model was asked; so is `month_of`."""
    month_of: Mapping[str, Spent]


def earlier_spending(path: Path, before: float) -> EarlierSpending | None:
    """Return what the requests cost that ended before a moment; None if the file can't be read. Not for the loop."""
    try:
        with reading(path) as database:
            database.execute("PRAGMA cache_size = -256")  # KiB: rows are read once
            today = _spent(*database.execute(_TODAY, (midnight(local_date(before)), before)).fetchone())
            sessions = _sessions(database, before)
            day_of, month_of = _providers(database, before)
    except UnreadableError:
        return None  # who writes the file says what is wrong with it
    return EarlierSpending(today, sessions, day_of, month_of)


def _sessions(database: sqlite3.Connection, before: float) -> dict[str, Spent]:
    """Return the sums of sessions, the newest last.

    They are read a few hours at a time, backwards: SQLite sorts in memory, and that would stay with the process.
    """
    found: dict[str, Spent] = {}
    for piece in range(1, SESSION_DAYS * _DAY // _PIECE + 1):
        start = before - piece * _PIECE
        for session, *sums in database.execute(_SESSIONS, (start, start + _PIECE, before)):
            if (newer := found.get(session)) or len(found) < MAX_SESSIONS:
                found[session] = (newer or Spent()) + _spent(*sums)
    return dict(reversed(found.items()))


def _providers(database: sqlite3.Connection, before: float) -> tuple[dict[str, Spent], dict[str, Spent]]:
    """Return what was spent on each provider on the day and in the month of a moment. A day is read at a time."""
    of_day: dict[str, Spent] = {}
    of_month: dict[str, Spent] = {}
    for day in days(midnight(local_date(before).replace(day=1)), before + 1):
        of_day = {
            provider: Spent(dollars, unknown)
            for provider, dollars, unknown in database.execute(_PROVIDERS, (day.start, day.end, before))
            if dollars or unknown
        }
        for provider, spent in of_day.items():
            of_month[provider] = of_month.get(provider, Spent()) + spent
    return of_day, of_month


def _spent(dollars: float, unknown: int | None, plan_dollars: float, failovers: int | None) -> Spent:
    return Spent(dollars, unknown or 0, plan_dollars, failovers or 0)
