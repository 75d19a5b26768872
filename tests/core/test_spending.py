"""What requests cost, summed up for the day and for each session."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from claude_proxy.core.reasons import Reason
from claude_proxy.core.spending import MAX_DAYS, MAX_SESSIONS, Spending
from claude_proxy.core.status_report import Spent
from claude_proxy.core.types import Account, Attempt, Cost
from core.builders import account

MIDNIGHT = 20_000 * 86_400.0
"""In UTC."""


def paid(*costs: Cost, at: float = MIDNIGHT, session: str = "s") -> Account:
    attempts = tuple(Attempt("a", None, 200, 1.0, cost=cost) for cost in costs)
    return account(started_at=at, session=session, attempts=attempts)


def spending(*accounts: Account, utc_offset: int = 0) -> Spending:
    result = Spending()
    for each in accounts:
        result.take(each, utc_offset)
    return result


@pytest.mark.parametrize(
    ("costs", "spent"),
    [
        ([Cost(0.25)], Spent(0.25)),
        ([Cost(0.25), Cost(0.5)], Spent(0.75)),
        ([Cost(None)], Spent(0.0, 1)),
        ([Cost(0.25), Cost(None)], Spent(0.0, 1)),
        ([Cost(0.25), Cost(2.0, is_plan=True)], Spent(0.25, 0, 2.0)),
        ([Cost(None, is_plan=True)], Spent()),
    ],
)
def test_a_request_counts_with_all_its_parts(costs: list[Cost], spent: Spent) -> None:
    sums = spending(paid(*costs))
    assert (sums.of_day(MIDNIGHT, 0), sums.of_session("s")) == (spent, spent)


def test_a_request_that_nobody_was_asked_for_counts_nothing() -> None:
    assert spending(paid()).of_session("s") is None


def test_failovers_are_counted_in_each_session() -> None:
    attempts = (Attempt("a", Reason.STATUS, 529, 1.0), Attempt("b", None, 200, 1.0))
    sums = spending(
        account(session="s", attempts=attempts), account(session="s", attempts=attempts), paid(Cost(0.0), session="t")
    )
    assert sums.of_session("s") == Spent(failovers=2)
    assert sums.of_session("t") == Spent()


def test_the_day_ends_at_midnight_by_local_time() -> None:
    sums = spending(paid(Cost(1.0), at=MIDNIGHT - 1), paid(Cost(2.0), at=MIDNIGHT))
    assert sums.of_day(MIDNIGHT + 1, 0) == Spent(2.0)
    assert sums.of_day(MIDNIGHT + 86_400, 0) == Spent()
    east = spending(paid(Cost(1.0), at=MIDNIGHT - 1), paid(Cost(2.0), at=MIDNIGHT), utc_offset=3600)
    assert east.of_day(MIDNIGHT + 1, 3600) == Spent(3.0)


def test_a_request_that_began_yesterday_counts_as_yesterdays() -> None:
    sums = spending(paid(Cost(2.0), at=MIDNIGHT), paid(Cost(1.0), at=MIDNIGHT - 1))
    assert sums.of_day(MIDNIGHT, 0) == Spent(2.0)
    assert sums.of_session("s") == Spent(3.0)


def test_a_day_counts_right_again_when_a_clock_that_was_ahead_is_set_back() -> None:
    sums = spending(paid(Cost(1.0)), paid(Cost(4.0), at=MIDNIGHT + 400 * 86_400), paid(Cost(2.0)))
    assert sums.of_day(MIDNIGHT, 0) == Spent(3.0)
    assert sums.of_day(MIDNIGHT + 400 * 86_400, 0) == Spent(4.0)


def test_only_a_few_days_are_kept() -> None:
    sums = spending(*(paid(Cost(1.0), at=MIDNIGHT + day * 86_400) for day in range(MAX_DAYS + 1)))
    assert [sums.of_day(MIDNIGHT + day * 86_400, 0) for day in range(MAX_DAYS + 1)] == [
        Spent(),
        *[Spent(1.0)] * MAX_DAYS,
    ]


@pytest.mark.parametrize(
    ("cost", "spent"),
    [(Cost(0.5), Spent(0.75)), (Cost(None), Spent(0.0, 1)), (Cost(2.0, is_plan=True), Spent(0.25, 0, 2.0))],
)
def test_a_check_of_tool_calls_counts_with_its_request(cost: Cost, spent: Spent) -> None:
    checked = replace(paid(Cost(0.25)), checks=(Attempt("judge", None, 200, 1.0, cost=cost),))
    sums = spending(checked)
    assert (sums.of_day(MIDNIGHT, 0), sums.of_session("s")) == (spent, spent)


def test_what_an_earlier_process_counted_is_added_to_what_this_one_has_counted_meanwhile() -> None:
    sums = spending(paid(Cost(1.0)), paid(Cost(2.0), session="new"))
    sums.add_earlier(MIDNIGHT, 0, Spent(10.0, 1), {"s": Spent(5.0), "old": Spent(7.0)})
    assert sums.of_day(MIDNIGHT, 0) == Spent(13.0, 1)
    assert [sums.of_session(name) for name in ("s", "new", "old")] == [Spent(6.0), Spent(2.0), Spent(7.0)]


def test_the_earlier_sum_of_a_day_that_is_over_is_dropped() -> None:
    sums = spending(paid(Cost(1.0)))
    sums.add_earlier(MIDNIGHT - 1, 0, Spent(10.0), {})
    assert sums.of_day(MIDNIGHT, 0) == Spent(1.0)
    before = Spending()
    before.add_earlier(MIDNIGHT, 0, Spent(10.0), {})
    assert before.of_day(MIDNIGHT, 0) == Spent(10.0)


def test_sessions_are_bounded_and_those_that_go_on_are_kept() -> None:
    sums = Spending()
    for number in range(MAX_SESSIONS + 5):
        sums.take(paid(Cost(1.0), session=str(number)), 0)
        sums.take(paid(Cost(1.0), session="mine"), 0)
    assert sums.of_session("mine") == Spent(MAX_SESSIONS + 5.0)
    assert (sums.of_session("0"), sums.of_session(str(MAX_SESSIONS))) == (None, Spent(1.0))
    assert f"{MAX_SESSIONS} sessions" in repr(sums)


@pytest.mark.parametrize("session", ["", "x" * 65])
def test_no_session_or_one_that_is_too_long_is_not_kept(session: str) -> None:
    assert spending(paid(Cost(1.0), session=session)).of_session(session) is None
