"""What tokens that were not read from the cache cost more than reading them."""

from __future__ import annotations

from msgspec.structs import replace

from claude_proxy.core.pricing import cost_of
from claude_proxy.core.routing import Candidate
from claude_proxy.core.types import Usage


def cost_of_miss(candidate: Candidate, usage: Usage, missed: int, at: float) -> float | None:
    """Return the dollars that were paid for nothing; None if a price is not known, 0 if a plan pays.

    It is the difference to the same answer with these tokens read from the cache. Those that were written to it again
    are dearer than others.
    """
    paid = cost_of(candidate, usage, at)
    if paid.is_plan or not missed:
        return 0.0
    read = cost_of(candidate, _if_read(usage, missed), at)
    if paid.dollars is None or read.dollars is None:
        return None
    return max(0.0, paid.dollars - read.dollars)


def _if_read(usage: Usage, missed: int) -> Usage:
    written = min(missed, usage.cache_creation_input_tokens)
    left = usage.cache_creation_input_tokens - written
    return replace(
        usage,
        input_tokens=max(0, usage.input_tokens - (missed - written)),
        cache_creation_input_tokens=left,
        cache_read_input_tokens=usage.cache_read_input_tokens + missed,
        ephemeral_1h_input_tokens=min(usage.ephemeral_1h_input_tokens, left),
    )
