from __future__ import annotations

import pytest

from claude_proxy.core.cache_doctor.miss_cost import cost_of_miss
from claude_proxy.core.prices import Price, Prices, Rate
from claude_proxy.core.routing import Candidate
from claude_proxy.core.types import Usage
from core.builders import NOW, provider

MILLION = 1_000_000
PRICE = Price(input=2, output=10, cache_read=0.2, cache_write_5m=2.5, cache_write_1h=4)


def candidate(price: Price = PRICE, *, is_plan: bool = False) -> Candidate:
    return Candidate(provider(prices={"m": Prices((Rate(price),))}, is_plan=is_plan), "m")


@pytest.mark.parametrize(
    ("usage", "missed", "dollars"),
    [
        pytest.param(Usage(MILLION, 9), MILLION, 1.8, id="paid as input"),
        pytest.param(Usage(0, 9, 2 * MILLION), MILLION, 2.3, id="written again"),
        pytest.param(Usage(0, 9, MILLION, 0, MILLION), MILLION, 3.8, id="written again for an hour"),
        pytest.param(Usage(MILLION, 9, MILLION), 2 * MILLION, 1.8 + 2.3, id="partly written"),
        pytest.param(Usage(5, 9, 5), MILLION, 0.0, id="more than was sent"),
        pytest.param(Usage(MILLION, 9), 0, 0.0, id="nothing missed"),
    ],
)
def test_the_cost_is_what_reading_would_have_saved(usage: Usage, missed: int, dollars: float) -> None:
    assert cost_of_miss(candidate(), usage, missed, NOW) == pytest.approx(dollars, abs=1e-9)


def test_a_plan_pays_for_it() -> None:
    assert cost_of_miss(candidate(is_plan=True), Usage(MILLION), MILLION, NOW) == 0.0


@pytest.mark.parametrize("price", [Price(), Price(input=2, output=1), Price(output=1, cache_read=0.2)])
def test_without_a_price_it_is_not_known(price: Price) -> None:
    assert cost_of_miss(candidate(price), Usage(MILLION, 1), MILLION, NOW) is None
