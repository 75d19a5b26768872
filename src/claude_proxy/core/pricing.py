"""What the tokens of an answer cost, by the prices of the model that gave it."""

from __future__ import annotations

from typing import Final

from claude_proxy.core.routing import Candidate
from claude_proxy.core.traits import Price
from claude_proxy.core.types import NO_COST, Cost, Usage

_MILLION: Final = 1_000_000
_NOTHING: Final = Usage()


def cost_of(candidate: Candidate, usage: Usage, at: float) -> Cost:  # noqa: ARG001 - prices that depend on the time
    """Return what a candidate's answer cost that ended `at` a time, in seconds since the epoch."""
    if usage == _NOTHING:
        return NO_COST
    return Cost(_dollars(candidate.facts.price, usage))


def _dollars(price: Price, usage: Usage) -> float | None:
    """Return the sum; None if the price of something that was used is not known."""
    written = usage.cache_creation_input_tokens - usage.ephemeral_1h_input_tokens
    amounts = (
        (usage.input_tokens, price.input),
        (usage.output_tokens, price.output),
        (usage.cache_read_input_tokens, price.cache_read),
        (written, price.cache_write_5m),
        (usage.ephemeral_1h_input_tokens, price.cache_write_1h),
    )
    dollars = 0.0
    for tokens, per_million in amounts:
        if tokens:
            if per_million is None:
                return None
            dollars += tokens * per_million / _MILLION
    return dollars
