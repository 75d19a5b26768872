"""What a model's tokens cost: its rates, and when each of them applies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_DAY: Final = 86_400
_FIRST_WEEKDAY: Final = 3
"""The first day of the epoch was a Thursday."""


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens cost in US dollars; None if that is not known, 0 if they are free."""

    input: float | None = None
    output: float | None = None
    cache_read: float | None = None
    cache_write_5m: float | None = None
    cache_write_1h: float | None = None


UNKNOWN: Final = Price()


@dataclass(frozen=True, slots=True)
class Rate:
    """A price and its conditions; without any it always applies."""

    price: Price
    above: int = 0
    """It is for requests with more tokens than this, those of the cache included; then for all of their tokens."""
    since: float | None = None
    """It is for answers from this time on, in seconds since the epoch."""
    hours: tuple[int, int] | None = None
    """It is for a part of the day: seconds after midnight, the second one not included. It may pass midnight."""
    weekdays: frozenset[int] | None = None
    """It is for these days; 0 is Monday."""
    utc_offset: int = 0
    """Seconds east of UTC that its hours and days are in."""

    def is_for(self, prompt_tokens: int, at: float) -> bool:
        """Tell whether it is for an answer to so many tokens, `at` a time, in seconds since the epoch."""
        if prompt_tokens <= self.above and self.above:
            return False
        if self.since is not None and at < self.since:
            return False
        return (self.hours is None and self.weekdays is None) or self._is_its_time(at)

    def _is_its_time(self, at: float) -> bool:
        day, second = divmod(at + self.utc_offset, _DAY)
        if self.weekdays is not None and (day + _FIRST_WEEKDAY) % 7 not in self.weekdays:
            return False
        if self.hours is None:
            return True
        start, end = self.hours
        return start <= second < end if start <= end else second >= start or second < end


@dataclass(frozen=True, slots=True)
class Prices:
    """All rates of a model. Of those that apply, the last one counts."""

    rates: tuple[Rate, ...]

    def at(self, prompt_tokens: int, at: float) -> Price:
        """Return the price of an answer to so many tokens, `at` a time."""
        for rate in reversed(self.rates):
            if rate.is_for(prompt_tokens, at):
                return rate.price
        return UNKNOWN
