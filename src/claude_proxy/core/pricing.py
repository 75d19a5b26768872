"""What the tokens of an answer cost, by the prices of the model that gave it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from claude_proxy.core.model_names import strip_context_suffix
from claude_proxy.core.prices import Price, Prices
from claude_proxy.core.routing import Candidate
from claude_proxy.core.traits import known_of
from claude_proxy.core.types import NO_COST, Cost, Usage

_MILLION: Final = 1_000_000


def cost_of(candidate: Candidate, usage: Usage, at: float) -> Cost:
    """Return what a candidate's answer cost that ended `at` a time, in seconds since the epoch."""
    if _is_empty(usage):
        return NO_COST
    provider = candidate.provider
    return Cost(_dollars(provider.prices, candidate.model, usage, at), provider.is_plan)


def anthropic_dollars(claude: Mapping[str, Prices], requested_model: str, usage: Usage, at: float) -> float | None:
    """Return what the tokens of one answer cost at Anthropic, with the requested model; None if that is not known.

    `claude` holds Anthropic's prices by the models' names.
    """
    return 0.0 if _is_empty(usage) else _dollars(claude, strip_context_suffix(requested_model), usage, at)


def is_charged(candidate: Candidate) -> bool:
    """Whether what a candidate answers may cost money: not if a plan pays, or if its model is free."""
    if candidate.provider.is_plan:
        return False
    known = prices_of(candidate.provider.prices, candidate.model)
    return known is None or not all(_is_free(rate.price) for rate in known.rates)


def prices_of(prices: Mapping[str, Prices], model: str) -> Prices | None:
    """Return the prices of a model, or None. The names in `prices` are in lower case, and may lack a date."""
    return known_of(prices, model.lower())


def _dollars(prices: Mapping[str, Prices], model: str, usage: Usage, at: float) -> float | None:
    known = prices_of(prices, model)
    if known is None:
        return None
    prompt_tokens = usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens
    return _sum(known.at(prompt_tokens, at), usage)


def _is_free(price: Price) -> bool:
    rates = (price.input, price.output, price.cache_read, price.cache_write_5m, price.cache_write_1h)
    return price.input == price.output == 0 and not any(rates)


def _sum(price: Price, usage: Usage) -> float | None:
    """Return what all tokens cost; None if the price of some that were used is not known."""
    for_an_hour = usage.ephemeral_1h_input_tokens
    written = usage.cache_creation_input_tokens - for_an_hour
    millionths = 0.0
    for tokens, per_million in (
        (usage.input_tokens, price.input),
        (usage.output_tokens, price.output),
        (usage.cache_read_input_tokens, price.cache_read),
        (written, price.cache_write_5m),
        (for_an_hour, price.cache_write_1h),
    ):
        if tokens:
            if per_million is None:
                return None
            millionths += tokens * per_million
    return millionths / _MILLION


def _is_empty(usage: Usage) -> bool:
    return not (
        usage.input_tokens or usage.output_tokens or usage.cache_read_input_tokens or usage.cache_creation_input_tokens
    )
