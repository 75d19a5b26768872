"""`make prices`: what it makes of the objects of genai-prices, which is not installed for the tests."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prices.convert import names_of, rates_of
from prices.make import RESULT, assemble, differences, written

from claude_proxy.config.prices import PriceLists, price_lists

UTC = dt.UTC
CHINA = dt.timezone(dt.timedelta(hours=8))


def tiered(base: str, *tiers: tuple[int, str]) -> SimpleNamespace:
    return SimpleNamespace(base=Decimal(base), tiers=[SimpleNamespace(start=at, price=Decimal(to)) for at, to in tiers])


def price(**amounts: Any) -> SimpleNamespace:
    keys = ("input", "output", "cache_read", "cache_write", "cache_write_1h")
    given = {name: Decimal(to) if isinstance(to, str) else to for name, to in amounts.items()}
    return SimpleNamespace(**{f"{key}_mtok": given.get(key) for key in keys})


def when(prices: Any, **constraint: Any) -> SimpleNamespace:
    return SimpleNamespace(constraint=SimpleNamespace(**constraint) if constraint else None, prices=prices)


class Model(SimpleNamespace):
    """A model that is found by its names."""

    def __init__(self, name: str, prices: Any, **clause: Any) -> None:
        super().__init__(id=name, match=SimpleNamespace(**clause), prices=prices)


class Provider(SimpleNamespace):
    """A provider of the package."""

    def __init__(self, name: str, *models: Model) -> None:
        super().__init__(id=name, models=list(models))

    def find_model(self, name: str) -> Model | None:
        return next((model for model in self.models if name.lower() in names_of(model)), None)


def test_takes_each_kind_of_price() -> None:
    given = price(input="3", output="15", cache_read="0.3", cache_write="3.75", cache_write_1h="6")
    assert rates_of(given) == [
        {"input": 3, "output": 15, "cache_read": 0.3, "cache_write_5m": 3.75, "cache_write_1h": 6}
    ]


def test_tokens_written_to_the_cache_cost_as_input_if_only_reading_has_a_price() -> None:
    (rate,) = rates_of(price(input="3", output="15", cache_read="0.3"))
    assert rate == {"input": 3, "output": 15, "cache_read": 0.3, "cache_write_5m": 3}
    assert rates_of(price(input="3", output="15")) == [{"input": 3, "output": 15}]


def test_a_model_without_any_price_has_no_rates() -> None:
    assert rates_of(price()) == rates_of([when(price())]) == []


def test_makes_a_rate_of_each_tier_although_only_some_prices_have_it() -> None:
    given = price(input=tiered("1", (10, "2"), (20, "3")), output=tiered("5", (20, "6")), cache_write="1")
    assert rates_of(given) == [
        {"input": 1, "output": 5, "cache_write_5m": 1},
        {"input": 2, "output": 5, "cache_write_5m": 1, "above": 10},
        {"input": 3, "output": 6, "cache_write_5m": 1, "above": 20},
    ]


def test_keeps_dates_and_hours_and_turns_hours_into_utc() -> None:
    given = [
        when(price(input="1")),
        when(price(input="2"), start_date=dt.date(2026, 9, 10)),
        when(price(input="3"), start_time=dt.time(0, 30, tzinfo=UTC), end_time=dt.time(4)),
        when(price(input="4"), start_time=dt.time(7, tzinfo=CHINA), end_time=dt.time(9, tzinfo=CHINA)),
    ]
    assert rates_of(given) == [
        {"input": 1},
        {"input": 2, "since": "2026-09-10"},
        {"input": 3, "hours": "00:30-04:00"},
        {"input": 4, "hours": "23:00-01:00"},
    ]


def test_an_unknown_condition_is_an_error_since_it_changes_the_price() -> None:
    with pytest.raises(TypeError, match="new kind of condition"):
        rates_of([when(price(input="1")), when(price(input="2"), moon="full")])


def test_leaves_out_what_is_over_if_only_the_present_counts() -> None:
    given = [
        when(price(input="1")),
        when(price(input="2"), start_date=dt.date(2026, 9, 10)),
        when(price(input="3"), start_date=dt.date(2027, 1, 1)),
        when(price(input="4"), start_time=dt.time(1), end_time=dt.time(4)),
    ]
    assert rates_of(given, dt.date(2026, 9, 10)) == [
        {"input": 2},
        {"input": 3, "since": "2027-01-01"},
        {"input": 4, "hours": "01:00-04:00"},
    ]


def test_takes_the_whole_names_of_a_model_in_lower_case() -> None:
    clauses = [
        SimpleNamespace(equals="GLM-5"),
        SimpleNamespace(starts_with="glm-5-202"),
        SimpleNamespace(starts_with="glm-5-2026"),
        SimpleNamespace(starts_with="glm-5@"),
        SimpleNamespace(regex="^glm"),
    ]
    assert names_of(Model("GLM-5", price(), or_=clauses)) == ["glm-5", "glm-5-202"]
    assert names_of(Model("GLM-5", price(), equals="glm")) == ["glm-5", "glm"]


CATALOGUE = {"providers": [{"id": "a", "models": {"M-1": {}, "M-2": {}, "M-3": {}}}, {"id": "b"}]}
PACKAGED = {
    "pack": Provider(
        "pack",
        Model("M-1", price(input="1", output="2"), equals="m-1-20260101"),
        Model("m-2", price(input="3", output="4")),
        Model("other-1", [when(price(input="5")), when(price(input="6"), start_time=dt.time(1), end_time=dt.time(2))]),
    )
}


def test_assembles_lists_from_the_package_and_from_what_it_does_not_know() -> None:
    sources = {
        "lists": {
            "one": {
                "providers": ["a", "b"],
                "package": "pack",
                "own": {
                    "M-3": {"rates": [{"input": 9}], "source": "a page"},
                    "M-4": {"package": "pack", "model": "m-1"},
                },
                "unpriced": {"M-2": "nobody knows"},
                "only_when": {"other-1": {"weekdays": [5]}},
            }
        }
    }
    assert assemble(sources, CATALOGUE, PACKAGED) == {
        "list_of": {"a": "one", "b": "one"},
        "unpriced": {"one": {"M-2": "nobody knows"}},
        "lists": {
            "one": {
                "m-1": [{"input": 1, "output": 2}],
                "m-3": [{"input": 9}],
                "m-4": [{"input": 1, "output": 2}],
                "other-1": [{"input": 5}, {"input": 6, "hours": "01:00-02:00", "weekdays": [5]}],
            }
        },
    }


def test_takes_only_the_models_that_are_chosen_and_those_of_the_catalogue() -> None:
    source = {"providers": ["a"], "package": "pack", "begins": ["other", "none"], "without": ["-1"]}
    assert list(assemble({"lists": {"one": source}}, CATALOGUE, PACKAGED)["lists"]["one"]) == ["m-1", "m-2"]


def test_a_model_that_the_package_lacks_is_an_error() -> None:
    source = {"providers": ["a"], "own": {"M-9": {"package": "pack", "model": "m-9"}}}
    with pytest.raises(KeyError, match="no m-9 at pack"):
        assemble({"lists": {"one": source}}, CATALOGUE, PACKAGED)


def test_says_where_the_catalogue_and_the_package_differ() -> None:
    known, same, unknown = Model("m-1", price()), Model("m-2", price()), Model("m-3", price())
    known.context_window, same.context_window, unknown.context_window = 9, 8, None
    models = {"m-1": {"context": 8}, "m-2": {"context": 8}, "m-3": {"context": 8}, "m-4": {"context": 8}}
    catalogue = {"providers": [{"id": "a", "models": models}, {"id": "b"}]}
    sources = {
        "lists": {
            "one": {"providers": ["a"], "package": "pack"},
            "own": {"providers": ["a"]},
            "two": {"providers": ["b"], "package": "pack"},
        }
    }
    packaged = {"pack": Provider("pack", known, same, unknown, Model("x-2", price()), Model("x-1", price()))}
    assert list(differences(sources, catalogue, packaged)) == [
        "one: m-1 has a window of 8 in the catalogue, 9 in the package",
        "one: the catalogue lacks x-1, x-2",
    ]


def test_the_shipped_file_is_written_by_the_tool() -> None:
    text = RESULT.read_text(encoding="utf-8")
    assert written(json.loads(text)) == text
    assert Path(RESULT).name == "prices.json"
    assert isinstance(price_lists(), PriceLists)
