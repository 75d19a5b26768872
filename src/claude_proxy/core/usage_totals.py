"""What requests used and cost together: the values that `usage` and the page show.

Money is in US dollars. A sum holds what is known; beside it stands how many requests it says nothing of, so that a
part whose price is not known is never taken for zero.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum of money, and of how many requests the price is not known."""

    dollars: float = 0.0
    unknown: int = 0

    def __add__(self, other: Sum) -> Sum:
        return Sum(self.dollars + other.dollars, self.unknown + other.unknown)


@dataclass(frozen=True, slots=True)
class Totals:
    """Of some requests; those that only count tokens are not among `requests`."""

    requests: int = 0
    failed: int = 0
    """Requests to which the client got an error, or a broken answer."""
    failovers: int = 0
    """How often another provider was asked; of a provider, how often it failed."""
    answers_saved: int = 0
    """Answers that broke off and were completed by asking for the rest."""
    input_tokens: int = 0
    """Those that were neither read from the cache nor written to it."""
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    cost: Sum = Sum()
    """What is charged; a plan's tokens count nothing here."""
    plan_cost: Sum = Sum()
    """What the tokens that plans pay for would have cost."""
    anthropic_cost: Sum = Sum()
    """What the same tokens of the requested models cost at Anthropic."""
    saving: float = 0.0
    """`anthropic_cost` less `cost`, of the requests of which both are known."""

    @property
    def cache_write_tokens(self) -> int:
        return self.cache_write_5m_tokens + self.cache_write_1h_tokens

    @property
    def all_input_tokens(self) -> int:
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens

    @property
    def cache_share(self) -> float | None:
        """Which part of all input came from the cache; None if there was no input."""
        return self.cache_read_tokens / self.all_input_tokens if self.all_input_tokens else None

    @property
    def value(self) -> float:
        """What the tokens are worth, whoever pays: what groups are ordered by."""
        return self.cost.dollars + self.plan_cost.dollars

    def __add__(self, other: Totals) -> Totals:
        return Totals(
            self.requests + other.requests,
            self.failed + other.failed,
            self.failovers + other.failovers,
            self.answers_saved + other.answers_saved,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cache_read_tokens + other.cache_read_tokens,
            self.cache_write_5m_tokens + other.cache_write_5m_tokens,
            self.cache_write_1h_tokens + other.cache_write_1h_tokens,
            self.cost + other.cost,
            self.plan_cost + other.plan_cost,
            self.anthropic_cost + other.anthropic_cost,
            self.saving + other.saving,
        )


@dataclass(frozen=True, slots=True)
class Group:
    """The requests that have something in common, such as their provider."""

    name: str
    """Empty for those of which it is not known, or which no provider answered."""
    first: float
    last: float
    """When the first and the last of them began, in seconds since the epoch."""
    totals: Totals

    def __add__(self, other: Group) -> Group:
        first, last = min(self.first, other.first), max(self.last, other.last)
        return Group(self.name, first, last, self.totals + other.totals)


@dataclass(frozen=True, slots=True)
class CacheMisses:
    """The requests that read less from a prompt cache than they should have, for one reason."""

    reason: str
    requests: int
    tokens: int
    """That were not read from the cache though they were expected in it."""
    cost: Sum
    """What that cost more than reading them."""
