"""How much may be spent in a day or a month, what was, and which candidates are passed over since it was.

    an account ─► sums by day, month and provider ─► 80 % of a budget   ─► a notice, once
                                                     all of it          ─► a notice, and charged candidates are left out
    the next day or month ─► sums begin anew

Days and months are local ones; a request counts for the one in which it began. A plan's tokens count nothing, and what
has no price can't be counted, which is said.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, TypeAlias, assert_never

import msgspec

from claude_proxy.core.amounts import dollars_of, short_dollars
from claude_proxy.core.local_time import clock_time
from claude_proxy.core.pricing import is_charged
from claude_proxy.core.quota.quota_report import NEARLY
from claude_proxy.core.routing import Candidate
from claude_proxy.core.status_report import BudgetStatus, Spent
from claude_proxy.core.types import Account, Provider

HOW_TO_RAISE: Final = "raise it under `budgets` in config.json, which is taken up at once"

_ROUNDING: Final = 1e-9
"""A sum of many parts may be smaller by this part of it than it should be."""
_DAY: Final = 86_400

_KEPT_PERIODS: Final = 4
"""Days and months whose sums are kept, those begun last: a clock may be set ahead, and set back again."""
_ALL: Final = ""
"""In place of a provider's name: all of them."""


class Period(enum.Enum):
    """How long a budget lasts; the value is its key in the settings."""

    DAY = "day"
    MONTH = "month"


class Budget(msgspec.Struct, frozen=True, gc=False):
    """A sum of US dollars that may be spent in each period, on one provider or on all."""

    dollars: float
    period: Period
    provider: str = ""
    """Empty: all of them."""

    def __str__(self) -> str:
        whose = f" for {self.provider}" if self.provider else ""
        return f"budget of {short_dollars(self.dollars)} a {self.period.value}{whose}"


class BudgetNews(enum.Enum):
    """What a notice is about."""

    NEARLY_USED_UP = "nearly_used_up"
    USED_UP = "used_up"
    UNPRICED = "unpriced"
    """Something was used that has no price."""


class BudgetNotice(msgspec.Struct, frozen=True, gc=False):
    """Something that the user should know of a budget, in words."""

    budget: Budget
    news: BudgetNews
    text: str
    ends: float
    """When the budget begins anew, in seconds since the epoch."""


SumsByProvider: TypeAlias = Mapping[str, Spent]


class _Sum:
    """What was spent; it grows."""

    __slots__ = ("dollars", "unknown")

    def __init__(self) -> None:
        self.dollars = 0.0
        self.unknown = 0

    def add(self, dollars: float, unknown: int) -> None:
        self.dollars += dollars
        self.unknown += unknown


_NOTHING: Final = _Sum()
_Sums: TypeAlias = dict[int, dict[str, _Sum]]
"""By the number of a day or a month since the epoch, and by provider; `_ALL` is their sum."""


class Budgets:
    """The user's budgets, and the sums of each provider in the current day and month. Times are seconds."""

    __slots__ = (
        "_budgets",
        "_day",
        "_days",
        "_month",
        "_months",
        "_now",
        "_passes",
        "_said",
        "_used_up",
        "_utc_offset",
    )

    def __init__(self, now: float = 0.0, utc_offset: int = 0) -> None:
        self._budgets: tuple[Budget, ...] = ()
        self._passes = True
        self._days: _Sums = {}
        self._months: _Sums = {}
        self._said: dict[tuple[Budget, BudgetNews], int] = {}
        self._used_up: dict[str, Budget] = {}
        """By provider, or `_ALL`."""
        self.look(now, utc_offset)

    def follow(self, budgets: Iterable[Budget], *, passes: bool) -> None:
        """Keep to these budgets from now on; `passes`: whether providers are passed over when one is used up."""
        self._budgets, self._passes = tuple(budgets), passes
        self._said = {said: number for said, number in self._said.items() if said[0] in self._budgets}
        self._settle()

    def take(self, account: Account, now: float, utc_offset: int) -> list[BudgetNotice]:
        """Count a request that is over; the offset is that of local time. Return what the user should know now."""
        has_cost = False
        for attempts in (account.attempts, account.checks):
            for attempt in attempts:
                if (charged := attempt.cost.charged) != 0.0:
                    has_cost = True
                    day = _day(account.started_at, utc_offset)
                    for sums, number in ((self._days, day), (self._months, _month_of(day))):
                        _add(sums, number, attempt.provider, charged or 0.0, charged is None)
        return self.look(now, utc_offset) if has_cost else []

    def add_earlier(self, at: float, utc_offset: int, day: SumsByProvider, month: SumsByProvider) -> None:
        """Add what was spent before this process began, on the day and in the month of a moment.

        What it means was said then.
        """
        number = _day(at, utc_offset)
        for sums, period, given in ((self._days, number, day), (self._months, _month_of(number), month)):
            for provider, spent in given.items():
                _add(sums, period, provider, spent.dollars, spent.unknown)
        for budget in self._budgets:
            is_day = budget.period is Period.DAY
            for news in _reached(budget, _earlier(day if is_day else month, budget)):
                self._said[budget, news] = number if is_day else _month_of(number)
        self._settle()

    def look(self, now: float, utc_offset: int) -> list[BudgetNotice]:
        """Take note of the time, which may begin a day or a month. Return what the user should know now."""
        self._now, self._utc_offset = now, utc_offset
        self._day = _day(now, utc_offset)
        self._month = _month_of(self._day)
        if not self._budgets:
            return []
        self._settle()
        return self._news()

    def blocking(self, candidate: Candidate) -> Budget | None:
        """Return the budget for which a candidate is passed over; None if it may be asked."""
        if not self._used_up or not is_charged(candidate):
            return None
        return self._used_up.get(candidate.provider.name) or self._used_up.get("")

    def blocks(self, provider: Provider) -> bool:
        """Whether a provider is passed over, but for models that are free."""
        return bool(self._used_up) and not provider.is_plan and bool(self._used_up.keys() & {provider.name, ""})

    def why(self, candidate: Candidate) -> str:
        """Return why a candidate is passed over; empty if it is not."""
        budget = self.blocking(candidate)
        return self.in_words(budget) if budget else ""

    @property
    def passes_over(self) -> bool:
        """Whether any candidate may have to be passed over."""
        return bool(self._used_up)

    def in_words(self, budget: Budget) -> str:
        """Return what has become of a budget that is used up, and when it begins anew."""
        spent = short_dollars(self._spent(budget).dollars)
        again = clock_time(_end(budget.period, self._now, self._utc_offset), self._now, self._utc_offset)
        return f"the {budget} is used up ({spent} spent) and begins anew at {again}"

    def report(self) -> tuple[BudgetStatus, ...]:
        """Return each budget and what was spent of it."""
        return tuple(
            BudgetStatus(
                budget.provider,
                budget.period.value,
                budget.dollars,
                spent.dollars,
                spent.unknown,
                _end(budget.period, self._now, self._utc_offset),
                self._passes,
            )
            for budget in self._budgets
            for spent in (self._spent(budget),)
        )

    def _number(self, budget: Budget) -> int:
        return self._day if budget.period is Period.DAY else self._month

    def _spent(self, budget: Budget) -> _Sum:
        sums = self._days.get(self._day) if budget.period is Period.DAY else self._months.get(self._month)
        return sums.get(budget.provider, _NOTHING) if sums else _NOTHING

    def _settle(self) -> None:
        """Find what is used up. Of several budgets, the one that lasts longest counts."""
        used_up: dict[str, Budget] = {}
        for budget in self._budgets if self._passes else ():
            is_longer = budget.provider not in used_up or budget.period is Period.MONTH
            if _reaches(self._spent(budget), budget) and is_longer:
                used_up[budget.provider] = budget
        self._used_up = used_up

    def _news(self) -> list[BudgetNotice]:
        """Return what has not been said yet in this day or month."""
        notices = list[BudgetNotice]()
        for budget in self._budgets:
            spent = self._spent(budget)
            if spent.unknown or _reaches(spent, budget, NEARLY):
                notices += self._news_of(budget, spent)
        return notices

    def _news_of(self, budget: Budget, spent: _Sum) -> Iterator[BudgetNotice]:
        number = self._number(budget)
        fresh = [news for news in _reached(budget, spent) if self._said.get((budget, news)) != number]
        for news in fresh:
            self._said[budget, news] = number
            if news is not BudgetNews.NEARLY_USED_UP or BudgetNews.USED_UP not in fresh:
                end = _end(budget.period, self._now, self._utc_offset)
                yield BudgetNotice(budget, news, self._text(budget, news, spent), end)

    def _text(self, budget: Budget, news: BudgetNews, spent: _Sum) -> str:
        end = clock_time(_end(budget.period, self._now, self._utc_offset), self._now, self._utc_offset)
        match news:
            case BudgetNews.UNPRICED:
                whose = budget.provider or "a provider"
                return (
                    f"the {budget} cannot count an answer of {whose} whose model has no price. "
                    "Set its `price` in config.json"
                )
            case BudgetNews.NEARLY_USED_UP:
                share = int(100 * spent.dollars / budget.dollars)
                return f"the {budget} is {share} % used ({dollars_of(spent)} spent). It begins anew at {end}"
            case BudgetNews.USED_UP:
                passed = f"{budget.provider or 'what is charged'} is passed over until {end}"
                effect = passed if self._passes else f"requests go on, since on_budget is warn; it begins anew at {end}"
                return f"the {budget} is used up ({dollars_of(spent)} spent): {effect}. To change that, {HOW_TO_RAISE}"
            case _:
                assert_never(news)

    def __repr__(self) -> str:
        return f"<Budgets {', '.join(map(str, self._budgets)) or 'none'}>"


def _reached(budget: Budget, spent: _Sum) -> Iterator[BudgetNews]:
    if spent.unknown:
        yield BudgetNews.UNPRICED
    if _reaches(spent, budget, NEARLY):
        yield BudgetNews.NEARLY_USED_UP
    if _reaches(spent, budget):
        yield BudgetNews.USED_UP


def _reaches(spent: _Sum, budget: Budget, share: float = 1.0) -> bool:
    return spent.dollars >= share * budget.dollars * (1 - _ROUNDING)


def _add(sums: _Sums, number: int, provider: str, dollars: float, unknown: int) -> None:
    of = sums.get(number)
    if of is None:
        of = sums[number] = {}
        if len(sums) > _KEPT_PERIODS:
            del sums[next(iter(sums))]
    for name in (provider, _ALL):
        found = of.get(name)
        if found is None:
            found = of[name] = _Sum()
        found.add(dollars, unknown)


def _earlier(given: SumsByProvider, budget: Budget) -> _Sum:
    found = _Sum()
    for provider, spent in given.items():
        if budget.provider in {_ALL, provider}:
            found.add(spent.dollars, spent.unknown)
    return found


def _day(at: float, utc_offset: int) -> int:
    """Return which day of all a moment is in."""
    return int(at + utc_offset) // _DAY


@lru_cache(maxsize=8)
def _month_of(day: int) -> int:
    first_moment = datetime.fromtimestamp(day * _DAY, UTC)
    return 12 * first_moment.year + first_moment.month - 1


def _end(period: Period, at: float, utc_offset: int) -> float:
    """Return when the day or month of a moment is over."""
    day = _day(at, utc_offset)
    if period is Period.DAY:
        return float((day + 1) * _DAY - utc_offset)
    number = _month_of(day) + 1
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC).timestamp() - utc_offset
