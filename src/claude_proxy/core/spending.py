"""What requests cost today and in each session, as sums that grow with each request: nobody has to look them up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from claude_proxy.core.bounded import BoundedDict
from claude_proxy.core.recent_failovers import failovers_of
from claude_proxy.core.status_report import Spent
from claude_proxy.core.text import printable
from claude_proxy.core.types import MAX_SESSION_LENGTH, Account

MAX_SESSIONS: Final = 1024
"""Of a session that was forgotten, only what comes after that is known: far more than anyone has open."""

_DAY: Final = 86_400
_NOTHING: Final = Spent()


class Spending:
    """Counts as the ledger does: by the start of a request, which costs an unknown sum if a part of it does."""

    __slots__ = ("_day", "_sessions", "_today")

    def __init__(self) -> None:
        self._day = 0
        self._today = _NOTHING
        self._sessions = BoundedDict[str, Spent](MAX_SESSIONS)

    def take(self, account: Account, utc_offset: int) -> None:
        """Count a request that is over; the offset is that of local time when it began."""
        if not account.attempts:
            return
        spent, day = _spent(account), _day(account.started_at, utc_offset)
        if day > self._day:
            self._day, self._today = day, _NOTHING
        if day == self._day:
            self._today = _sum(self._today, spent)
        if session := _known_as(account.session):
            self._sessions[session] = _sum(self._sessions.get(session, _NOTHING), spent)

    def add_earlier(self, at: float, utc_offset: int, today: Spent, sessions: Mapping[str, Spent]) -> None:
        """Add what was counted before this process began: on the day of a moment, and in sessions, the newest last."""
        day = _day(at, utc_offset)
        if day > self._day:
            self._day, self._today = day, _NOTHING
        if day == self._day:
            self._today = _sum(today, self._today)
        since = dict(self._sessions)
        for session, spent in sessions.items():
            self._sessions[session] = spent
        for session, spent in since.items():
            self._sessions[session] = _sum(sessions.get(session, _NOTHING), spent)

    def today(self, now: float, utc_offset: int) -> Spent:
        """Return what the requests of the day of `now` cost."""
        return self._today if _day(now, utc_offset) == self._day else _NOTHING

    def of_session(self, session: str) -> Spent | None:
        """Return what the requests of a session cost; None if there were none, or it was forgotten."""
        return self._sessions.get(_known_as(session))

    def __repr__(self) -> str:
        return f"<Spending {self._today}, {len(self._sessions)} sessions>"


def _known_as(session: str) -> str:
    """Return how a session is called in the ledger; nothing if it is too long to be Claude Code's."""
    return printable(session, MAX_SESSION_LENGTH) if len(session) <= MAX_SESSION_LENGTH else ""


def _day(at: float, utc_offset: int) -> int:
    return int(at + utc_offset) // _DAY


def _spent(account: Account) -> Spent:
    dollars, plan_dollars, is_known = 0.0, 0.0, True
    for attempt in account.attempts:
        cost = attempt.cost
        if cost.is_plan:
            plan_dollars += cost.dollars or 0.0
        elif cost.dollars is None:
            is_known = False
        else:
            dollars += cost.dollars
    return Spent(dollars if is_known else 0.0, 0 if is_known else 1, plan_dollars, failovers_of(account.attempts))


def _sum(one: Spent, other: Spent) -> Spent:
    return Spent(
        one.dollars + other.dollars,
        one.unknown + other.unknown,
        one.plan_dollars + other.plan_dollars,
        one.failovers + other.failovers,
    )
