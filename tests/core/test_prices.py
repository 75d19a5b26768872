"""When each rate of a model applies: by the prompt's length, the date, the hour and the day."""

from __future__ import annotations

import datetime as dt

import pytest

from claude_proxy.core.prices import UNKNOWN, Price, Prices, Rate

LOW, HIGH = Price(1, 5), Price(2, 10)
CHINA = 8 * 3600


def at(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()


def price(rate: Rate, moment: str = "2026-11-25T12:00:00+00:00", prompt_tokens: int = 0) -> Price:
    """Return the price at a time (a Wednesday unless it is given), if one rate is added to the usual one."""
    return Prices((Rate(LOW), rate)).at(prompt_tokens, at(moment))


@pytest.mark.parametrize(("tokens", "meant"), [(0, LOW), (99_999, LOW), (100_000, LOW), (100_001, HIGH)])
def test_a_context_tier_begins_behind_its_number_of_tokens(tokens: int, meant: Price) -> None:
    assert price(Rate(HIGH, above=100_000), prompt_tokens=tokens) is meant


def test_the_highest_tier_that_is_reached_counts() -> None:
    prices = Prices((Rate(Price(1)), Rate(Price(2), above=10), Rate(Price(3), above=20)))
    assert [prices.at(tokens, 0.0).input for tokens in (10, 11, 20, 21)] == [1, 2, 2, 3]


@pytest.mark.parametrize(
    ("moment", "meant"),
    [("2026-09-09T23:59:59.999+00:00", LOW), ("2026-09-10T00:00:00+00:00", HIGH), ("2027-01-01T00:00:00+00:00", HIGH)],
)
def test_a_price_begins_with_its_start(moment: str, meant: Price) -> None:
    assert price(Rate(HIGH, since=at("2026-09-10T00:00:00+00:00")), moment) is meant


@pytest.mark.parametrize(
    ("time", "meant"),
    [
        ("00:59:59.999", LOW),
        ("01:00:00", HIGH),
        ("03:59:59.999", HIGH),
        ("04:00:00", LOW),
    ],
)
def test_hours_hold_from_their_first_second_to_before_their_last(time: str, meant: Price) -> None:
    assert price(Rate(HIGH, hours=(3600, 4 * 3600)), f"2026-11-25T{time}+00:00") is meant


@pytest.mark.parametrize(
    ("time", "meant"),
    [("21:59:59", LOW), ("22:00:00", HIGH), ("00:00:00", HIGH), ("01:59:59", HIGH), ("02:00:00", LOW)],
)
def test_hours_may_pass_midnight(time: str, meant: Price) -> None:
    assert price(Rate(HIGH, hours=(22 * 3600, 2 * 3600)), f"2026-11-25T{time}+00:00") is meant


@pytest.mark.parametrize(
    ("moment", "meant"),
    [
        ("2026-07-01T08:59:59+08:00", LOW),
        ("2026-07-01T09:00:00+08:00", HIGH),
        ("2026-12-01T09:00:00+08:00", HIGH),
        ("2026-12-01T12:00:00+08:00", LOW),
    ],
)
def test_hours_are_those_of_the_provider_in_summer_and_winter(moment: str, meant: Price) -> None:
    assert price(Rate(HIGH, hours=(9 * 3600, 12 * 3600), utc_offset=CHINA), moment) is meant


@pytest.mark.parametrize(
    ("moment", "meant"),
    [
        ("2026-11-27T23:59:59+00:00", HIGH),  # a Friday
        ("2026-11-28T00:00:00+00:00", LOW),
        ("2026-11-29T23:59:59+00:00", LOW),
        ("2026-11-30T00:00:00+00:00", HIGH),
    ],
)
def test_a_price_of_working_days_is_not_for_the_weekend(moment: str, meant: Price) -> None:
    assert price(Rate(HIGH, weekdays=frozenset(range(5))), moment) is meant


@pytest.mark.parametrize(("moment", "meant"), [("2026-11-27T15:59:59+00:00", HIGH), ("2026-11-27T16:00:00+00:00", LOW)])
def test_days_are_those_of_the_provider(moment: str, meant: Price) -> None:
    assert price(Rate(HIGH, weekdays=frozenset(range(5)), utc_offset=CHINA), moment) is meant


@pytest.mark.parametrize(
    ("moment", "meant"),
    [
        ("2026-11-27T02:00:00+00:00", HIGH),
        ("2026-11-27T05:00:00+00:00", LOW),
        ("2026-11-28T02:00:00+00:00", LOW),
    ],
)
def test_all_conditions_of_a_rate_have_to_hold(moment: str, meant: Price) -> None:
    assert price(Rate(HIGH, hours=(3600, 4 * 3600), weekdays=frozenset(range(5))), moment) is meant


def test_the_last_rate_that_applies_counts() -> None:
    prices = Prices((Rate(LOW, above=5), Rate(HIGH)))
    assert prices.at(10, 0.0) is HIGH


def test_nothing_is_known_if_no_rate_applies() -> None:
    assert Prices((Rate(HIGH, above=5),)).at(5, 0.0) == Prices(()).at(5, 0.0) == UNKNOWN


def test_hours_that_end_where_they_begin_hold_never() -> None:
    rate = Rate(HIGH, hours=(3600, 3600))
    assert [price(rate, f"2026-11-25T{time}+00:00") for time in ("00:00:00", "01:00:00", "23:59:59")] == [LOW] * 3
