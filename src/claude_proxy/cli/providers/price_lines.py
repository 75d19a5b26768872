"""What models cost, in words: the price that applies now, and those of long requests, of other hours and days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Final

from claude_proxy.core.prices import Price, Prices, Rate

COLUMNS: Final = ("in", "out", "cached", "written")
"""Tokens of the request, of the answer, those read from the cache, and those written to it for five minutes."""
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY_NAMES: Final = {frozenset(range(5)): "Mon-Fri", frozenset({5, 6}): "Sat, Sun"}


def format_price(price: Price) -> tuple[str, ...]:
    """Return what a million tokens cost in US dollars, as in `COLUMNS`."""
    amounts = price.input, price.output, price.cache_read, price.cache_write_5m
    return tuple("-" if dollars is None else f"{dollars:g}" for dollars in amounts)


def describe_hour_writes(prices: Mapping[str, Prices], now: float) -> Iterator[str]:
    """Yield what tokens cost that stay in the cache for an hour, in one line for all models whose price is known."""
    amounts = {model: known.at(0, now).cache_write_1h for model, known in prices.items()}
    known = [f"{model} {dollars:g}" for model, dollars in amounts.items() if dollars is not None]
    if known:
        yield f"written to the cache for an hour: {', '.join(known)}"


def describe_prices(model: str, prices: Prices, now: float) -> Iterator[str]:
    """Yield what else a model costs, a line for each price that applies only sometimes, or from a day on."""
    for rate in _others(prices, now):
        amounts = ", ".join(map(" ".join, zip(COLUMNS, format_price(rate.price), strict=True)))
        yield f"{model} {_conditions(rate, now)}: {amounts}"


def _others(prices: Prices, now: float) -> tuple[Rate, ...]:
    """Return the rates that do not always apply, without those that a later one has replaced."""
    always = [number for number, rate in enumerate(prices.rates) if not _conditions(rate, now)]
    return prices.rates[always[-1] + 1 :] if always else prices.rates


def _conditions(rate: Rate, now: float) -> str:
    """Return when a rate applies: `above 100000 tokens`. Empty if it always does by now."""
    words = []
    if rate.above:
        words.append(f"above {rate.above} tokens")
    if rate.hours or rate.weekdays is not None:
        words.append(f"at {_times(rate)}")
    if rate.since is not None and rate.since > now:
        words.append(f"from {dt.datetime.fromtimestamp(rate.since, dt.UTC).date()} on")
    return " ".join(words)


def _times(rate: Rate) -> str:
    words = []
    if rate.hours:
        words.append("-".join(f"{second // 3600:02}:{second // 60 % 60:02}" for second in rate.hours))
    hours = rate.utc_offset / 3600
    words.append(f"UTC{hours:+g}" if hours else "UTC")
    if rate.weekdays is not None:
        words.append(_DAY_NAMES.get(rate.weekdays) or ", ".join(_DAYS[day] for day in sorted(rate.weekdays)))
    return " ".join(words)
