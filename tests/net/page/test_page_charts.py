"""Where numbers are drawn, and how they are labelled."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.core.usage_totals import Sum, Totals
from claude_proxy.net.page.charts import COLOURS, HEIGHT, LANE, cost_chart, in_words, time_line
from claude_proxy.net.page.figures import Slot
from claude_proxy.store.usage_db.periods import Period
from claude_proxy.store.usage_db.requests import Failures

DOLLARS = st.floats(0.0001, 1e7)


def slots(*costs: dict[str, Totals]) -> list[Slot]:
    return [Slot(Period("", 10.0 * n, 10.0 * n + 10), cost) for n, cost in enumerate(costs)]


def name(at: float) -> str:
    return f"at {at:.0f}"


def test_bars_stand_on_each_other_in_the_order_of_colours() -> None:
    both = {"zai": Totals(cost=Sum(1.0)), "kimi": Totals(cost=Sum(2.0), plan_cost=Sum(3.0, 1))}
    chart = cost_chart(slots({}, both), {"kimi": 0, "zai": 1}, name)
    assert chart is not None
    assert [label.text for label in chart.lines] == ["$2.00", "$4.00", "$6.00"]
    paid, planned, other = chart.bars
    assert (paid.colour, planned.colour, other.colour) == (0, 0, 1)
    assert (paid.is_plan, planned.is_plan) == (False, True)
    assert paid.top + paid.height == pytest.approx(chart.bottom)
    assert planned.top + planned.height == pytest.approx(paid.top)
    assert other.top + other.height == pytest.approx(planned.top)
    assert paid.height == pytest.approx(HEIGHT * 2 / 6, abs=0.01)
    assert {(bar.left, bar.width) for bar in chart.bars} == {(56.25, 37.5)}
    assert planned.title == "at 10, kimi: at least $3.00 by plan"
    assert [label.text for label in chart.times] == ["at 0", "at 10"]


def test_without_costs_there_is_no_chart() -> None:
    assert cost_chart(slots({}, {"zai": Totals(requests=3)}), {}, name) is None


def test_a_provider_beyond_the_colours_shares_one_and_one_that_is_not_known_has_one_too() -> None:
    chart = cost_chart(slots({"a": Totals(cost=Sum(1.0)), "b": Totals(cost=Sum(1.0))}), {"a": COLOURS + 2}, name)
    assert chart is not None
    assert {bar.colour for bar in chart.bars} == {2, 0}


@given(st.lists(st.lists(DOLLARS, max_size=9), min_size=1, max_size=90))
def test_whatever_the_costs_are_the_bars_stay_within_the_drawing(costs: list[list[float]]) -> None:
    given_slots = slots(*({str(n): Totals(cost=Sum(cost)) for n, cost in enumerate(each)} for each in costs))
    chart = cost_chart(given_slots, {}, name)
    assert (chart is None) == (not any(costs))
    if chart is None:
        return
    assert 1 <= len(chart.lines) <= 4
    assert 1 <= len(chart.times) <= 6
    assert chart.times[-1].text == name(given_slots[-1].period.start)
    for bar in chart.bars:
        assert 0 <= bar.left < bar.left + bar.width <= 100.001
        assert bar.height > 0
        assert bar.top > -1.5 * 9  # parts that are too small to see are drawn all the same
        assert bar.top + bar.height <= chart.bottom + 0.02


def test_failures_are_dots_on_the_lane_of_their_provider_the_more_the_larger() -> None:
    often = Failures("kimi", 1, 9, ("429", "529", "overloaded_error"))
    found = [Failures("zai", 0, 1, ("529",)), often, Failures("zai", 3, 4, ("reset",))]
    line = time_line(found, 4, slots({}, {}), {"kimi": 0, "zai": 1}, name, name)
    assert line is not None
    kimi, zai = line.lanes
    assert (kimi.provider, kimi.count, kimi.top, zai.provider, zai.count, zai.top) == ("kimi", 9, 0, "zai", 5, LANE)
    assert (kimi.why, zai.why) == ("too many requests, overloaded", "overloaded, broke off")
    few, more = zai.dots
    assert few.radius < more.radius < kimi.dots[0].radius
    assert (few.at, more.at) == (12.5, 87.5)
    assert few.title == "at 0: 1 failure: overloaded"
    assert kimi.dots[0].title == "at 5: 9 failures: too many requests, overloaded"
    assert line.bottom == 2 * LANE


def test_without_failures_there_is_no_time_line() -> None:
    assert time_line([], 4, slots({}), {}, name, name) is None


@pytest.mark.parametrize(
    ("totals", "words"),
    [
        (Totals(), "$0"),
        (Totals(cost=Sum(1.24)), "$1.24"),
        (Totals(cost=Sum(0.0, 2)), "?"),
        (Totals(plan_cost=Sum(0.8)), "plan $0.80"),
        (Totals(plan_cost=Sum(0.0, 1)), "plan ?"),
        (Totals(cost=Sum(1.24, 1), plan_cost=Sum(0.8)), "at least $1.24, plan $0.80"),
    ],
)
def test_costs_are_worded_by_who_pays_and_never_zero_if_they_are_not_known(totals: Totals, words: str) -> None:
    assert in_words(totals) == words
