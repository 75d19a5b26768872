"""What was spent before this process began: the sums that it goes on with, read once from state/usage.db."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from claude_proxy.core.spending import MAX_SESSIONS
from claude_proxy.core.status_report import Spent
from claude_proxy.store.usage_db.periods import local_date, midnight
from claude_proxy.store.usage_db.reading import UnreadableError, reading

SESSION_DAYS: Final = 30
"""As long as Claude Code keeps a session that is not used, by default (`cleanupPeriodDays`)."""

_SUMS: Final = "TOTAL(cost), SUM(cost IS NULL), TOTAL(plan_cost), SUM(failovers)"
_TODAY: Final = f"SELECT {_SUMS} FROM exchanges WHERE started_at >= ? AND ended_at < ?"  # noqa: S608 - constants
_SESSIONS: Final = f"""SELECT session, {_SUMS} FROM exchanges WHERE started_at >= ? AND ended_at < ? AND session <> ''
    GROUP BY session ORDER BY MAX(started_at) DESC LIMIT {MAX_SESSIONS}"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class EarlierSpending:
    """The sums of the day that it is, and of each session, the newest last."""

    today: Spent
    sessions: Mapping[str, Spent]


def earlier_spending(path: Path, before: float) -> EarlierSpending | None:
    """Return what the requests cost that ended before a moment; None if the file can't be read. Not for the loop."""
    day, since = midnight(local_date(before)), before - SESSION_DAYS * 86_400
    try:
        with reading(path) as database:
            today = _spent(*database.execute(_TODAY, (day, before)).fetchone())
            found = database.execute(_SESSIONS, (since, before)).fetchall()
    except UnreadableError:
        return None  # who writes the file says what is wrong with it
    return EarlierSpending(today, {session: _spent(*sums) for session, *sums in reversed(found)})


def _spent(dollars: float, unknown: int | None, plan_dollars: float, failovers: int | None) -> Spent:
    return Spent(dollars, unknown or 0, plan_dollars, failovers or 0)
