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
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, TypeAlias

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
_NOTHING: Final = Spent()


class Period(enum.Enum):
    """How long a budget lasts; the value is its key in the settings."""

    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Budget:
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


@dataclass(frozen=True, slots=True)
class BudgetNotice:
    """Something that the user should know of a budget, in words."""

    budget: Budget
    news: BudgetNews
    text: str
    ends: float
    """When the budget begins anew, in seconds since the epoch."""


SumsByProvider: TypeAlias = Mapping[str, Spent]
_Key: TypeAlias = tuple[Period, int]
"""A period, and its number since the epoch."""


class Budgets:
    """The user's budgets, and the sums of each provider in the current day and month. Times are seconds."""

    __slots__ = ("_budgets", "_now", "_passes", "_said", "_sums", "_used_up", "_utc_offset")

    def __init__(self, now: float = 0.0, utc_offset: int = 0) -> None:
        self._budgets: tuple[Budget, ...] = ()
        self._passes = True
        self._now, self._utc_offset = now, utc_offset
        self._sums: dict[_Key, dict[str, Spent]] = {}
        self._said: dict[tuple[Budget, BudgetNews], int] = {}
        self._used_up: dict[str, Budget] = {}
        """By provider; empty: all of them."""

    def follow(self, budgets: Iterable[Budget], *, passes: bool) -> None:
        """Keep to these budgets from now on; `passes`: whether providers are passed over when one is used up."""
        self._budgets, self._passes = tuple(budgets), passes
        self._said = {said: number for said, number in self._said.items() if said[0] in self._budgets}
        self._settle()

    def take(self, account: Account, now: float, utc_offset: int) -> list[BudgetNotice]:
        """Count a request that is over; the offset is that of local time. Return what the user should know now."""
        has_cost = False
        for attempt in (*account.attempts, *account.checks):
            charged = attempt.cost.charged
            if charged != 0.0:
                has_cost = True
                spent = Spent(0.0, 1) if charged is None else Spent(charged)
                for period in Period:
                    self._add(_key(period, account.started_at, utc_offset), attempt.provider, spent)
        return self.look(now, utc_offset) if has_cost else []

    def add_earlier(self, at: float, utc_offset: int, day: SumsByProvider, month: SumsByProvider) -> None:
        """Add what was spent before this process began, on the day and in the month of a moment.

        What it means was said then.
        """
        for period, sums in ((Period.DAY, day), (Period.MONTH, month)):
            for provider, spent in sums.items():
                self._add(_key(period, at, utc_offset), provider, spent)
        for budget in self._budgets:
            sums = day if budget.period is Period.DAY else month
            for news in _reached(budget, _sum_of(sums, budget)):
                self._said[budget, news] = _number(budget.period, at, utc_offset)
        self._settle()

    def look(self, now: float, utc_offset: int) -> list[BudgetNotice]:
        """Take note of the time, which may begin a day or a month. Return what the user should know now."""
        self._now, self._utc_offset = now, utc_offset
        self._settle()
        return list(self._news())

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

    def _add(self, key: _Key, provider: str, spent: Spent) -> None:
        sums = self._sums.setdefault(key, {})
        sums[provider] = sums.get(provider, _NOTHING) + spent

    def _spent(self, budget: Budget) -> Spent:
        return _sum_of(self._sums.get(_key(budget.period, self._now, self._utc_offset), {}), budget)

    def _settle(self) -> None:
        """Forget what was spent in other periods but the one before and the one after, and find what is used up."""
        if len(self._sums) > len(Period):  # others than the current day and month are among them
            numbers = {period: _number(period, self._now, self._utc_offset) for period in Period}
            self._sums = {key: sums for key, sums in self._sums.items() if abs(key[1] - numbers[key[0]]) <= 1}
        if not self._budgets:
            self._used_up = {}
            return
        used_up = [budget for budget in self._budgets if self._passes and _reaches(self._spent(budget), budget)]
        # of several, the one that lasts longest counts
        used_up.sort(key=lambda budget: budget.period is Period.MONTH)
        self._used_up = {budget.provider: budget for budget in used_up}

    def _news(self) -> Iterator[BudgetNotice]:
        for budget in self._budgets:
            spent, number = self._spent(budget), _number(budget.period, self._now, self._utc_offset)
            fresh = [news for news in _reached(budget, spent) if self._said.get((budget, news)) != number]
            for news in fresh:
                self._said[budget, news] = number
            if BudgetNews.USED_UP in fresh:
                fresh = [news for news in fresh if news is not BudgetNews.NEARLY_USED_UP]
            end = _end(budget.period, self._now, self._utc_offset)
            yield from (BudgetNotice(budget, news, self._text(budget, news, spent), end) for news in fresh)

    def _text(self, budget: Budget, news: BudgetNews, spent: Spent) -> str:
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

    def __repr__(self) -> str:
        return f"<Budgets {', '.join(map(str, self._budgets)) or 'none'}>"


def _reached(budget: Budget, spent: Spent) -> Iterator[BudgetNews]:
    if spent.unknown:
        yield BudgetNews.UNPRICED
    if _reaches(spent, budget, NEARLY):
        yield BudgetNews.NEARLY_USED_UP
    if _reaches(spent, budget):
        yield BudgetNews.USED_UP


def _reaches(spent: Spent, budget: Budget, share: float = 1.0) -> bool:
    return spent.dollars >= share * budget.dollars * (1 - _ROUNDING)


def _sum_of(sums: SumsByProvider, budget: Budget) -> Spent:
    if budget.provider:
        return sums.get(budget.provider, _NOTHING)
    return sum(sums.values(), _NOTHING)


def _key(period: Period, at: float, utc_offset: int) -> _Key:
    return period, _number(period, at, utc_offset)


def _number(period: Period, at: float, utc_offset: int) -> int:
    """Return which day or month of all a moment is in."""
    day = int(at + utc_offset) // _DAY
    return day if period is Period.DAY else _month_of(day)


@lru_cache(maxsize=8)
def _month_of(day: int) -> int:
    first_moment = datetime.fromtimestamp(day * _DAY, UTC)
    return 12 * first_moment.year + first_moment.month - 1


def _end(period: Period, at: float, utc_offset: int) -> float:
    """Return when the day or month of a moment is over."""
    number = _number(period, at, utc_offset) + 1
    if period is Period.DAY:
        return float(number * _DAY - utc_offset)
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC).timestamp() - utc_offset
