"""What a model costs, in words."""

from __future__ import annotations

import pytest

from claude_proxy.cli.providers.price_lines import describe_hour_writes, describe_prices, format_price
from claude_proxy.core.prices import UNKNOWN, Price, Prices, Rate

DAY = 86_400.0
PRICE = Price(1, 5, 0.1, 1.25, 2)
AMOUNTS = "in 1, out 5, cached 0.1, written 1.25"


def test_unknown_prices_differ_from_zero() -> None:
    assert format_price(Price(input=0, output=1.5)) == ("0", "1.5", "-", "-")


@pytest.mark.parametrize(
    ("rate", "told"),
    [
        (Rate(PRICE, above=200_000), "above 200000 tokens"),
        (Rate(PRICE, hours=(3600, 4 * 3600 + 1800)), "at 01:00-04:30 UTC"),
        (Rate(PRICE, hours=(32_400, 43_200), utc_offset=28_800), "at 09:00-12:00 UTC+8"),
        (Rate(PRICE, weekdays=frozenset(range(5)), utc_offset=-12_600), "at UTC-3.5 Mon-Fri"),
        (Rate(PRICE, hours=(0, 60), weekdays=frozenset({0, 2})), "at 00:00-00:01 UTC Mon, Wed"),
        (Rate(PRICE, since=3 * DAY), "from 1970-01-04 on"),
        (Rate(PRICE, above=5, since=3 * DAY), "above 5 tokens from 1970-01-04 on"),
        (Rate(PRICE, above=5, since=DAY), "above 5 tokens"),
    ],
)
def test_says_when_a_price_applies(rate: Rate, told: str) -> None:
    assert list(describe_prices("m", Prices((Rate(UNKNOWN), rate)), 2 * DAY)) == [f"m {told}: {AMOUNTS}"]


def test_leaves_out_prices_that_are_over() -> None:
    prices = Prices((Rate(UNKNOWN), Rate(UNKNOWN, above=5), Rate(PRICE, since=DAY)))
    assert list(describe_prices("m", prices, 2 * DAY)) == []
    assert len(list(describe_prices("m", prices, 0.0))) == 2


def test_says_every_price_if_none_always_applies() -> None:
    assert list(describe_prices("m", Prices((Rate(PRICE, above=5),)), 0.0)) == [f"m above 5 tokens: {AMOUNTS}"]


def test_says_in_one_line_what_an_hour_in_the_cache_costs() -> None:
    known = {"a": Prices((Rate(PRICE),)), "b": Prices((Rate(UNKNOWN),)), "c": Prices((Rate(Price(cache_write_1h=0)),))}
    assert list(describe_hour_writes(known, 0.0)) == ["written to the cache for an hour: a 2, c 0"]
    assert list(describe_hour_writes({"b": known["b"]}, 0.0)) == []
