"""What may be spent in a day and a month: what is said, who is passed over, and when it begins anew."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest

from claude_proxy.core.budgets import Budget, BudgetNews, Budgets, Period
from claude_proxy.core.prices import Price, Prices, Rate
from claude_proxy.core.routing import Candidate
from claude_proxy.core.status_report import BudgetStatus, Spent
from claude_proxy.core.types import Account, Attempt, Cost
from core.builders import account, candidate, provider

DAY = 86_400.0
MIDNIGHT = 20_423 * DAY
"""In UTC, of 2025-12-01."""
NOON = MIDNIGHT + DAY / 2
DAILY, MONTHLY = Budget(5.0, Period.DAY), Budget(50.0, Period.MONTH)
OF_A = Budget(2.0, Period.DAY, "a")


def paid(*dollars: float | None, by: str = "a", at: float = NOON, **changes: Any) -> Account:
    attempts = tuple(Attempt(by, None, 200, 1.0, cost=Cost(each)) for each in dollars)
    return account(started_at=at, attempts=attempts, **changes)


def budgets(*given: Budget, passes: bool = True, now: float = NOON, utc_offset: int = 0) -> Budgets:
    result = Budgets(now, utc_offset)
    result.follow(given, passes=passes)
    return result


def news(watched: Budgets, spent: Account, now: float = NOON, utc_offset: int = 0) -> list[BudgetNews]:
    return [notice.news for notice in watched.take(spent, now, utc_offset)]


def of(name: str, **changes: Any) -> Candidate:
    return candidate(provider(name, **changes))


def blocked(watched: Budgets, *names: str) -> list[str]:
    return [name for name in names if watched.blocking(of(name))]


def test_four_fifths_and_all_of_a_budget_are_said_once_each() -> None:
    watched = budgets(DAILY)
    assert news(watched, paid(3.99)) == []
    assert news(watched, paid(0.01)) == [BudgetNews.NEARLY_USED_UP]
    assert news(watched, paid(0.99)) == []
    assert news(watched, paid(0.01)) == [BudgetNews.USED_UP]
    assert news(watched, paid(7.0)) == []


def test_a_budget_that_is_used_up_at_once_is_said_to_be_just_that() -> None:
    assert news(budgets(DAILY), paid(6.0)) == [BudgetNews.USED_UP]


def test_the_words_name_the_budget_the_sum_the_next_beginning_and_the_remedy() -> None:
    watched = budgets(DAILY, Budget(2.0, Period.MONTH, "a"))
    assert [notice.text for notice in watched.take(paid(1.7), NOON, 0)] == [
        "the budget of $2.00 a month for a is 85 % used ($1.70 spent). It begins anew at 2026-01-01 00:00"
    ]
    tomorrow = "2025-12-02 00:00"
    remedy = ". To change that, raise it under `budgets` in config.json, which is taken up at once"
    assert [notice.text for notice in watched.take(paid(4.0), NOON, 0)] == [
        f"the budget of $5.00 a day is used up ($5.70 spent): what is charged is passed over until {tomorrow}{remedy}",
        f"the budget of $2.00 a month for a is used up ($5.70 spent): a is passed over until 2026-01-01 00:00{remedy}",
    ]


def test_a_budget_for_all_passes_over_each_provider_and_one_for_a_provider_only_that() -> None:
    watched = budgets(DAILY, OF_A)
    watched.take(paid(2.0), NOON, 0)
    assert blocked(watched, "a", "b") == ["a"]
    watched.take(paid(3.0, by="b"), NOON, 0)
    assert blocked(watched, "a", "b") == ["a", "b"]


def test_what_costs_nothing_goes_on() -> None:
    free = MappingProxyType({"claude-opus-5-5": Prices((Rate(Price(0, 0)),))})
    dear = MappingProxyType({"claude-opus-5-5": Prices((Rate(Price(0, 0)), Rate(Price(0, 1), above=9)))})
    watched = budgets(DAILY)
    watched.take(paid(5.0), NOON, 0)
    assert watched.blocking(of("plan", is_plan=True)) is None
    assert watched.blocking(of("local", prices=free)) is None
    assert watched.blocking(of("dear", prices=dear)) == DAILY
    assert watched.blocks(provider("dear", prices=dear))
    assert not watched.blocks(provider("plan", is_plan=True))


def test_with_warn_nothing_is_passed_over_but_it_is_said() -> None:
    watched = budgets(DAILY, passes=False)
    [notice] = watched.take(paid(5.0), NOON, 0)
    assert notice.news is BudgetNews.USED_UP
    assert "requests go on, since on_budget is warn" in notice.text
    assert (watched.passes_over, blocked(watched, "a"), watched.why(of("a"))) == (False, [], "")


def test_the_tokens_of_a_plan_count_nothing_and_a_check_for_auto_mode_counts() -> None:
    watched = budgets(DAILY)
    by_plan = account(started_at=NOON, attempts=(Attempt("a", None, 200, 1.0, cost=Cost(9.0, is_plan=True)),))
    assert news(watched, by_plan) == []
    check = Attempt("judge", None, 200, 1.0, cost=Cost(4.5))
    assert news(watched, account(started_at=NOON, checks=(check,))) == [BudgetNews.NEARLY_USED_UP]


def test_an_answer_without_a_price_is_said_once_and_the_sum_is_at_least_what_is_known() -> None:
    watched = budgets(OF_A)
    [notice] = watched.take(paid(1.0, None), NOON, 0)
    assert notice.text == (
        "the budget of $2.00 a day for a cannot count an answer of a whose model has no price. "
        "Set its `price` in config.json"
    )
    [notice] = watched.take(paid(0.7, None), NOON, 0)
    assert "is 85 % used (at least $1.70 spent)" in notice.text
    [unpriced] = budgets(DAILY).take(paid(None), NOON, 0)
    assert "an answer of a provider whose" in unpriced.text


@pytest.mark.parametrize(
    ("budget", "end"),
    [(DAILY, MIDNIGHT + DAY), (MONTHLY, MIDNIGHT + 31 * DAY)],
)
@pytest.mark.parametrize("utc_offset", [0, 3600, -5 * 3600])
def test_a_budget_begins_anew_with_the_local_day_or_month(budget: Budget, end: float, utc_offset: int) -> None:
    end -= utc_offset
    watched = budgets(budget, now=end - 1, utc_offset=utc_offset)
    assert news(watched, paid(50.0, at=end - 1), end - 1, utc_offset) == [BudgetNews.USED_UP]
    assert [each.begins_anew for each in watched.report()] == [end]
    assert blocked(watched, "a") == ["a"]
    assert watched.look(end, utc_offset) == []
    assert blocked(watched, "a") == []
    assert news(watched, paid(50.0, at=end), end, utc_offset) == [BudgetNews.USED_UP]


def test_a_request_that_ends_after_midnight_counts_for_the_day_in_which_it_began() -> None:
    watched = budgets(DAILY, now=MIDNIGHT + 5)
    assert news(watched, paid(5.0, at=MIDNIGHT - 5), MIDNIGHT + 5) == []
    assert blocked(watched, "a") == []


@pytest.mark.parametrize("ahead", [1, 400, -400])
def test_a_clock_that_was_wrong_for_a_while_forgets_nothing(ahead: int) -> None:
    watched = budgets(DAILY)
    watched.take(paid(3.0), NOON, 0)
    watched.take(paid(1.0, at=NOON + ahead * DAY), NOON + ahead * DAY, 0)
    watched.take(paid(2.0), NOON, 0)
    assert blocked(watched, "a") == ["a"]


def test_sums_of_long_ago_are_forgotten() -> None:
    watched = budgets(DAILY)
    for day in range(100):
        watched.take(paid(1.0, at=NOON + day * DAY), NOON + day * DAY, 0)
    assert (len(watched._days), len(watched._months)) == (4, 4)


def test_what_was_spent_before_a_restart_counts_and_is_not_said_again() -> None:
    watched = budgets(DAILY, MONTHLY)
    watched.take(paid(0.5), NOON, 0)
    watched.add_earlier(NOON, 0, {"a": Spent(4.0)}, {"a": Spent(39.0), "b": Spent(0.5, 1)})
    assert [(each.spent, each.unknown) for each in watched.report()] == [(4.5, 0), (40.0, 1)]
    assert news(watched, paid(0.25)) == [BudgetNews.NEARLY_USED_UP]  # of the month, which was not yet so far
    assert news(watched, paid(0.25)) == [BudgetNews.USED_UP]


def test_a_budget_that_was_used_up_before_a_restart_passes_over_at_once() -> None:
    watched = budgets(DAILY)
    watched.add_earlier(NOON, 0, {"a": Spent(6.0)}, {"a": Spent(6.0)})
    assert blocked(watched, "b") == ["b"]
    assert watched.look(NOON, 0) == []


def test_what_others_spent_before_a_restart_is_no_part_of_a_providers_budget() -> None:
    watched = budgets(OF_A)
    watched.add_earlier(NOON, 0, {"a": Spent(1.0), "b": Spent(9.0)}, {})
    assert [each.spent for each in watched.report()] == [1.0]
    assert news(watched, paid(1.0)) == [BudgetNews.USED_UP]


def test_a_changed_budget_counts_at_once_and_is_said_anew() -> None:
    watched = budgets(DAILY)
    watched.take(paid(5.0), NOON, 0)
    watched.follow([Budget(20.0, Period.DAY)], passes=True)
    assert (blocked(watched, "a"), watched.look(NOON, 0)) == ([], [])
    watched.follow([DAILY], passes=True)
    assert blocked(watched, "a") == ["a"]
    assert [notice.news for notice in watched.look(NOON, 0)] == [BudgetNews.USED_UP]
    watched.follow([], passes=True)
    assert (blocked(watched, "a"), watched.report()) == ([], ())


def test_of_two_budgets_that_are_used_up_the_longer_one_is_named() -> None:
    watched = budgets(MONTHLY, DAILY)
    watched.take(paid(50.0), NOON, 0)
    assert watched.blocking(of("a")) == MONTHLY
    assert (
        watched.why(of("a"))
        == "the budget of $50.00 a month is used up ($50.00 spent) and begins anew at 2026-01-01 00:00"
    )


def test_reports_each_budget_and_shows_them_in_its_repr() -> None:
    watched = budgets(OF_A, MONTHLY)
    watched.take(paid(1.5), NOON, 0)
    assert watched.report() == (
        BudgetStatus("a", "day", 2.0, 1.5, 0, MIDNIGHT + DAY),
        BudgetStatus("", "month", 50.0, 1.5, 0, MIDNIGHT + 31 * DAY),
    )
    assert watched.report()[0].share == 0.75
    assert repr(watched) == "<Budgets budget of $2.00 a day for a, budget of $50.00 a month>"
    assert repr(budgets()) == "<Budgets none>"
