"""What models cost at the providers of the catalogue: `prices.json`, which `make prices` makes.

Most of it is from the package genai-prices; `prices/sources.json` in the repository says where the rest comes from.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from claude_proxy.config.fact_settings import OwnFactSettings
from claude_proxy.config.overrides import set_fields
from claude_proxy.core.model_names import strip_context_suffix
from claude_proxy.core.prices import UNKNOWN, Price, Prices, Rate
from claude_proxy.core.pricing import prices_of

_HOUR: Final = 3600
NO_PRICES: Final[Mapping[str, Prices]] = MappingProxyType({})


class RateEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a million tokens cost in US dollars, and when: `hours` and `weekdays` (0: Monday) are those of its zone."""

    input: float | None = None
    output: float | None = None
    cache_read: float | None = None
    cache_write_5m: float | None = None
    cache_write_1h: float | None = None
    above: Annotated[int, Meta(ge=0)] = 0
    since: dt.date | None = None
    hours: Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$")] | None = None
    weekdays: tuple[Annotated[int, Meta(ge=0, le=6)], ...] | None = None
    utc_offset: Annotated[float, Meta(ge=-12, le=14)] = 0

    @property
    def rate(self) -> Rate:
        """The core's value."""
        return Rate(
            Price(self.input, self.output, self.cache_read, self.cache_write_5m, self.cache_write_1h),
            above=self.above,
            since=_midnight(self.since) if self.since else None,
            hours=_hours(self.hours) if self.hours else None,
            weekdays=frozenset(self.weekdays) if self.weekdays is not None else None,
            utc_offset=round(self.utc_offset * _HOUR),
        )


def _midnight(day: dt.date) -> float:
    return dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC).timestamp()


def _hours(text: str) -> tuple[int, int]:
    start, end = (dt.time.fromisoformat(time) for time in text.split("-"))
    return start.hour * _HOUR + start.minute * 60, end.hour * _HOUR + end.minute * 60


class PriceLists(Struct, frozen=True, forbid_unknown_fields=True):
    """All lists, as of the day `as_of`, from a version of the package.

    `list_of` names the list of each provider that has one. `unpriced` says by list and model why a price is missing.
    """

    schema: Literal["claude-proxy-prices/1"]
    as_of: dt.date
    package: str
    version: str
    list_of: dict[str, str]
    unpriced: dict[str, dict[str, str]]
    lists: dict[str, msgspec.Raw]
    """Each is read when it is first asked for: most users have two or three providers."""


_models = msgspec.json.Decoder(dict[str, tuple[RateEntry, ...]])


@cache
def price_lists() -> PriceLists:
    """Return the lists that are shipped with this version; the file is read once."""
    data = Path(__file__).with_name("prices.json").read_bytes()
    return msgspec.json.decode(data, type=PriceLists)


def prices_at(preset: str) -> Mapping[str, Prices]:
    """Return what the models of a provider of the catalogue cost, by their names in lower case."""
    name = price_lists().list_of.get(preset)
    return NO_PRICES if name is None else _prices_in(name)


@cache
def _prices_in(name: str) -> Mapping[str, Prices]:
    models = _models.decode(price_lists().lists[name])
    return MappingProxyType({model: Prices(tuple(entry.rate for entry in rates)) for model, rates in models.items()})


def with_own(known: Mapping[str, Prices], own: Mapping[str, OwnFactSettings]) -> Mapping[str, Prices]:
    """Return prices with the user's in place of those at any time, and of requests of any length."""
    given = {strip_context_suffix(name).lower(): facts.price for name, facts in own.items() if set_fields(facts.price)}
    if not given:
        return known
    prices = dict(known)
    for name, price in given.items():
        usual = prices_of(known, name) or Prices((Rate(UNKNOWN),))
        prices[name] = Prices(tuple(replace(rate, price=price.over(rate.price)) for rate in usual.rates))
    return MappingProxyType(prices)


def why_unpriced(preset: str, model: str) -> str:
    """Return why a price is missing; an empty text if nothing is known of that."""
    return price_lists().unpriced.get(price_lists().list_of.get(preset, ""), {}).get(model.lower(), "")
