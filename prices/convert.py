"""From the prices of `genai-prices` to those of `prices.json`; it takes the package's objects by their shape alone."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, Final, TypeAlias

Rate: TypeAlias = dict[str, Any]
"""A rate as `prices.json` has it: what a million tokens cost, and its conditions."""

AMOUNTS: Final = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write_5m": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
}
_BEGINNING: Final = re.compile(r"@$|-20\d\d$")
"""Ends of what only begins a name with a date, such as `claude-sonnet-4-2025`."""


def rates_of(prices: Any, as_of: dt.date = dt.date.min) -> list[Rate]:
    """Return the rates of a model, those that count most last, without what was over on a day."""
    if not isinstance(prices, list):
        return _without_repeats(_tiers(prices, {}))
    begun = [one for one in prices if one.constraint is None or _start(one.constraint) <= as_of]
    rates = [rate for one in begun[-1:] for rate in _tiers(one.prices, {})]
    rates += [rate for one in prices if one not in begun for rate in _tiers(one.prices, _conditions(one.constraint))]
    return _without_repeats(rates)


def _start(constraint: Any) -> dt.date:
    day = getattr(constraint, "start_date", None)
    return day if isinstance(day, dt.date) else dt.date.max


def _tiers(price: Any, conditions: Rate) -> Iterator[Rate]:
    """Yield a price, and that of each context tier."""
    given = {name: getattr(price, key) for name, key in AMOUNTS.items()}
    yield _rate({name: getattr(amount, "base", amount) for name, amount in given.items()}, conditions)
    starts = {tier.start for amount in given.values() for tier in getattr(amount, "tiers", ())}
    for start in sorted(starts):
        amounts = {name: _in_tier(amount, start) for name, amount in given.items()}
        yield _rate(amounts, {"above": start, **conditions})


def _in_tier(amount: Any, start: int) -> Any:
    reached = [tier.price for tier in getattr(amount, "tiers", ()) if tier.start <= start]
    return reached[-1] if reached else getattr(amount, "base", amount)


def _rate(amounts: dict[str, Decimal | None], conditions: Rate) -> Rate:
    known = {name: _number(amount) for name, amount in amounts.items() if amount is not None}
    if {"input", "cache_read"} <= known.keys() and not known.keys() & {"cache_write_5m", "cache_write_1h"}:
        # the package counts tokens without a price of their own as what they are a part of: tokens of the request
        known["cache_write_5m"] = known["input"]
    return {**known, **conditions}


def _number(amount: Decimal) -> float:
    return int(amount) if amount == int(amount) else float(amount)


def _conditions(constraint: Any) -> Rate:
    """Return what a price depends on. A kind that is not known is an error, since leaving it out changes the price."""
    match constraint:
        case None:
            return {}
        case object(start_date=dt.date() as day):
            return {"since": day.isoformat()}
        case object(start_time=dt.time() as start, end_time=dt.time() as end):
            return {"hours": f"{_utc(start)}-{_utc(end)}"}
        case _:
            raise TypeError(f"genai-prices has a new kind of condition: {constraint!r}")


def _utc(time: dt.time) -> str:
    moment = dt.datetime.combine(dt.date(2000, 1, 1), time.replace(tzinfo=time.tzinfo or dt.UTC))
    return moment.astimezone(dt.UTC).strftime("%H:%M")


def _without_repeats(rates: Iterable[Rate]) -> list[Rate]:
    """Return rates without those that say nothing, and without those that only repeat the one before."""
    kept: list[Rate] = []
    for rate in rates:
        if set(rate) & set(AMOUNTS) and rate not in kept[-1:]:
            kept.append(rate)
    return kept


def names_of(model: Any) -> list[str]:
    """Return the names of a model, in lower case: its own, and those in its rule but for the beginnings of others."""
    names = (name.lower() for name in (model.id, *_names_in(model.match)))
    return [name for name in dict.fromkeys(names) if not _BEGINNING.search(name)]


def _names_in(clause: Any) -> Iterator[str]:
    for part in getattr(clause, "or_", (clause,)):
        for kind in ("equals", "starts_with"):
            if isinstance(name := getattr(part, kind, None), str):
                yield name
