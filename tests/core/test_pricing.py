"""What an answer cost: each kind of token at its own price, and nothing where a price is not known."""

from __future__ import annotations

import pytest

from claude_proxy.core.pricing import cost_of
from claude_proxy.core.routing import Candidate
from claude_proxy.core.traits import ModelFacts, Price
from claude_proxy.core.types import NO_COST, Cost, Usage
from core.builders import provider

PRICES = Price(input=2, output=10, cache_read=0.2, cache_write_5m=2.5, cache_write_1h=4)


def candidate(price: Price) -> Candidate:
    return Candidate(provider("minimax", facts={"m": ModelFacts(price=price)}), "m")


def test_each_kind_of_token_has_its_own_price() -> None:
    usage = Usage(1_000_000, 1_000_000, 3_000_000, 1_000_000, 1_000_000)
    cost = cost_of(candidate(PRICES), usage, 0.0)
    assert cost.dollars == pytest.approx(2 + 10 + 0.2 + 2 * 2.5 + 4)


def test_an_answer_without_tokens_costs_nothing() -> None:
    assert cost_of(candidate(Price()), Usage(), 0.0) == NO_COST


def test_a_price_that_is_not_known_leaves_the_cost_unknown() -> None:
    assert cost_of(candidate(Price(input=2, output=10)), Usage(5, 5, 0, 7), 0.0) == Cost(None)


def test_a_price_that_is_not_known_matters_only_if_it_applies() -> None:
    assert cost_of(candidate(Price(input=2, output=10)), Usage(1_000_000, 0), 0.0) == Cost(2.0)
