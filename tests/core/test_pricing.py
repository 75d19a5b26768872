"""What an answer cost: each kind of token at its own price, and nothing if a price is not known."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.core.prices import Price, Prices, Rate
from claude_proxy.core.pricing import anthropic_dollars, cost_of, prices_of
from claude_proxy.core.routing import Candidate
from claude_proxy.core.types import NO_COST, Cost, Usage
from claude_proxy.core.usage import total
from core.builders import provider

PRICE = Price(input=2, output=10, cache_read=0.2, cache_write_5m=2.5, cache_write_1h=4)
LONG = Price(4, 15, 0.4, 5, 8)
TIERED = Prices((Rate(PRICE), Rate(LONG, above=100_000)))
DAY = 86_400.0


def candidate(*rates: Rate, model: str = "m", is_plan: bool = False) -> Candidate:
    return Candidate(provider("minimax", prices={"m": Prices(rates)}, is_plan=is_plan), model)


@st.composite
def usages(draw: st.DrawFn, most: int = 10**12) -> Usage:
    tokens = st.integers(0, most)
    written, of_them = sorted((draw(tokens), draw(tokens)), reverse=True)
    return Usage(draw(tokens), draw(tokens), written, draw(tokens), of_them)


def dollars(usage: Usage, *rates: Rate) -> float:
    cost = cost_of(candidate(*(rates or (Rate(PRICE),))), usage, 0.0).dollars
    assert cost is not None
    return cost


def test_each_kind_of_token_has_its_own_price() -> None:
    usage = Usage(1_000_000, 1_000_000, 3_000_000, 1_000_000, 1_000_000)
    assert dollars(usage) == pytest.approx(2 + 10 + 0.2 + 2 * 2.5 + 4)


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        (Usage(input_tokens=1_000_000), 2),
        (Usage(output_tokens=1_000_000), 10),
        (Usage(cache_read_input_tokens=1_000_000), 0.2),
        (Usage(cache_creation_input_tokens=1_000_000), 2.5),
        (Usage(cache_creation_input_tokens=1_000_000, ephemeral_1h_input_tokens=1_000_000), 4),
    ],
)
def test_one_kind_of_token_alone_costs_its_price(usage: Usage, cost: float) -> None:
    assert dollars(usage) == cost


def test_an_answer_without_tokens_costs_nothing() -> None:
    assert cost_of(candidate(Rate(Price())), Usage(), 0.0) == NO_COST
    assert cost_of(candidate(Rate(PRICE), is_plan=True), Usage(), 0.0) == NO_COST


@given(usages(), st.sampled_from([field.name for field in fields(Price)]))
def test_a_price_that_is_not_known_matters_only_if_it_applies(usage: Usage, lacking: str) -> None:
    used = {
        "input": usage.input_tokens,
        "output": usage.output_tokens,
        "cache_read": usage.cache_read_input_tokens,
        "cache_write_5m": usage.cache_creation_input_tokens - usage.ephemeral_1h_input_tokens,
        "cache_write_1h": usage.ephemeral_1h_input_tokens,
    }
    cost = cost_of(candidate(Rate(replace(PRICE, **{lacking: None}))), usage, 0.0)
    assert cost == (Cost(None) if used[lacking] else Cost(dollars(usage)))


def test_a_price_of_zero_is_known() -> None:
    assert cost_of(candidate(Rate(Price(0, 0))), Usage(5, 5), 0.0) == Cost(0.0)


@given(usages(), usages())
def test_the_parts_of_an_answer_cost_as_much_as_the_whole(one: Usage, other: Usage) -> None:
    assert dollars(total([one, other])) == pytest.approx(dollars(one) + dollars(other))


@given(usages(), usages())
def test_more_tokens_never_cost_less(usage: Usage, more: Usage) -> None:
    rates = Rate(PRICE), Rate(LONG, above=100_000)
    assert dollars(total([usage, more]), *rates) >= dollars(usage, *rates) >= 0


@pytest.mark.parametrize(
    ("usage", "price"),
    [
        (Usage(100_000, 1_000_000), PRICE),
        (Usage(100_001, 0), LONG),
        (Usage(40_000, 7, 30_000, 30_000), PRICE),
        (Usage(40_000, 7, 30_001, 30_000), LONG),
        (Usage(40_000, 7, 30_000, 30_001), LONG),
        (Usage(40_000, 7, 30_001, 30_000, 30_001), LONG),
    ],
)
def test_the_tier_is_that_of_the_whole_prompt_with_what_the_cache_held(usage: Usage, price: Price) -> None:
    assert dollars(usage, Rate(PRICE), Rate(LONG, above=100_000)) == dollars(usage, Rate(price))


def test_the_price_is_that_of_the_moment() -> None:
    of = candidate(Rate(Price(1)), Rate(Price(2), since=DAY))
    usage = Usage(1_000_000)
    assert (cost_of(of, usage, DAY - 1), cost_of(of, usage, DAY)) == (Cost(1.0), Cost(2.0))


def test_a_plan_is_told_apart_from_what_its_tokens_would_cost() -> None:
    assert cost_of(candidate(Rate(PRICE), is_plan=True), Usage(1_000_000), 0.0) == Cost(2.0, is_plan=True)
    assert cost_of(candidate(Rate(Price()), is_plan=True), Usage(1), 0.0) == Cost(None, is_plan=True)


def test_nothing_is_known_of_a_model_without_a_price() -> None:
    assert cost_of(candidate(Rate(PRICE), model="other"), Usage(1), 0.0) == Cost(None)


@pytest.mark.parametrize("model", ["kimi-k3", "Kimi-K3", "kimi-k3-20260715", "KIMI-K3-20260715"])
def test_finds_the_price_of_a_model_by_its_dated_names_in_any_case(model: str) -> None:
    assert prices_of({"kimi-k3": TIERED}, model) is TIERED


@pytest.mark.parametrize("model", ["kimi-k3-2026", "kimi", "", "kimi-k3-20260715-fast"])
def test_does_not_take_the_price_of_another_model(model: str) -> None:
    assert prices_of({"kimi-k3": TIERED}, model) is None


CLAUDE = {"claude-opus-5-5": TIERED}


@pytest.mark.parametrize("model", ["claude-opus-5-5", "claude-opus-5-5[1m]", "claude-opus-5-5-20260901[1M]"])
def test_tells_what_the_tokens_cost_at_anthropic(model: str) -> None:
    assert anthropic_dollars(CLAUDE, model, Usage(1_000, 1_000), 0.0) == pytest.approx(0.012)
    assert anthropic_dollars(CLAUDE, model, Usage(200_000), 0.0) == pytest.approx(0.8)


def test_what_a_request_without_tokens_or_for_another_model_costs_at_anthropic() -> None:
    assert anthropic_dollars(CLAUDE, "glm-5.3", Usage(), 0.0) == 0
    assert anthropic_dollars(CLAUDE, "glm-5.3", Usage(1), 0.0) is None
