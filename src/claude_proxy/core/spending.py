"""What requests cost today and in each session, as sums that grow with each request: nobody has to look them up."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from claude_proxy.core.recent_failovers import failovers_of
from claude_proxy.core.status_report import Spent
from claude_proxy.core.types import MAX_SESSION_LENGTH, Account

MAX_SESSIONS: Final = 256
"""Of a session that was forgotten, only what comes after that is known: more than anyone has open."""

MAX_DAYS: Final = 4
"""Days whose sums are kept: today and yesterday are asked for, and others while the clock is wrong."""

_DAY: Final = 86_400


class _Sums:
    """A `Spent` that grows: one is added to for each request."""

    __slots__ = ("dollars", "failovers", "plan_dollars", "unknown")

    def __init__(self, dollars: float = 0.0, unknown: int = 0, plan_dollars: float = 0.0, failovers: int = 0) -> None:
        self.dollars = dollars
        self.unknown = unknown
        self.plan_dollars = plan_dollars
        self.failovers = failovers

    def add(self, dollars: float, unknown: int, plan_dollars: float, failovers: int) -> None:
        self.dollars += dollars
        self.unknown += unknown
        self.plan_dollars += plan_dollars
        self.failovers += failovers

    def add_spent(self, spent: Spent) -> None:
        self.add(spent.dollars, spent.unknown, spent.plan_dollars, spent.failovers)

    @property
    def spent(self) -> Spent:
        return Spent(self.dollars, self.unknown, self.plan_dollars, self.failovers)


class Spending:
    """Counts as the ledger does: by the start of a request, which costs an unknown sum if a part of it does."""

    __slots__ = ("_days", "_sessions")

    def __init__(self) -> None:
        self._days = OrderedDict[int, _Sums]()
        self._sessions = OrderedDict[str, _Sums]()

    def take(self, account: Account, utc_offset: int) -> None:
        """Count a request that is over; the offset is that of local time when it began."""
        if not account.attempts:
            return
        costs = _costs(account)
        self._of_day(_day(account.started_at, utc_offset)).add(*costs)
        if session := _known_as(account.session):
            self._of(session).add(*costs)

    def add_earlier(self, at: float, utc_offset: int, today: Spent, sessions: Mapping[str, Spent]) -> None:
        """Add what was counted before this process began: on the day of a moment, and in sessions, the newest last."""
        self._of_day(_day(at, utc_offset)).add_spent(today)
        since, self._sessions = self._sessions, OrderedDict()
        for session, spent in (*sessions.items(), *((session, sums.spent) for session, sums in since.items())):
            self._of(session).add_spent(spent)

    def _of_day(self, day: int) -> _Sums:
        """Return the sums of a day. Those of the days before are kept too, for a clock that is set back."""
        sums = self._days.get(day)
        if sums is None:
            sums = self._days[day] = _Sums()
            if len(self._days) > MAX_DAYS:
                self._days.popitem(last=False)
        return sums

    def _of(self, session: str) -> _Sums:
        """Return the sums of a session, which is the newest now."""
        sums = self._sessions.get(session)
        if sums is not None:
            self._sessions.move_to_end(session)
            return sums
        sums = self._sessions[session] = _Sums()
        if len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)
        return sums

    def of_day(self, now: float, utc_offset: int) -> Spent:
        """Return what the requests of the day of `now` cost."""
        sums = self._days.get(_day(now, utc_offset))
        return Spent() if sums is None else sums.spent

    def of_session(self, session: str) -> Spent | None:
        """Return what the requests of a session cost; None if there were none, or it was forgotten."""
        sums = self._sessions.get(session)
        return None if sums is None else sums.spent

    def __repr__(self) -> str:
        newest = next(reversed(self._days.values()), _Sums()).spent
        return f"<Spending {newest}, {len(self._sessions)} sessions>"


def _known_as(session: str) -> str:
    """Return a session's id; nothing if it is too long to be Claude Code's."""
    return session if len(session) <= MAX_SESSION_LENGTH else ""


def _day(at: float, utc_offset: int) -> int:
    return int(at + utc_offset) // _DAY


def _costs(account: Account) -> tuple[float, int, float, int]:
    """Return the values of a `Spent`."""
    charged = account.cost
    failovers = failovers_of(account.attempts) if len(account.attempts) > 1 else 0
    return charged or 0.0, int(charged is None), account.plan_cost or 0.0, failovers
