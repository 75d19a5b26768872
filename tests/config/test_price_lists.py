"""The prices that are shipped, that they agree with the catalogue, and the user's own in place of them."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from claude_proxy.config.catalogue import Entry, catalogue
from claude_proxy.config.prices import RateEntry, price_lists, prices_at, why_unpriced
from claude_proxy.core.prices import Price, Prices, Rate
from claude_proxy.core.pricing import prices_of
from claude_proxy.core.types import Provider
from config.folder import Folder

ROOT = Path(__file__).parents[2]
NOW = dt.datetime(2026, 11, 29, 12, tzinfo=dt.UTC).timestamp()  # a Sunday
MILLION = 1_000_000
with_models = pytest.mark.parametrize(
    "entry", [entry for entry in catalogue().providers if entry.models], ids=lambda entry: entry.id
)


def only(home: Folder, provider: dict[str, Any], key: str = "sk-ant-api03-1") -> Provider:
    (found,) = home.loads({"providers": [provider]}, env=f"ANTHROPIC_API_KEY={key}\nSOME_KEY={key}\n").providers
    return found


def price(preset: str, model: str, *, tokens: int = 0, at: float = NOW) -> Price:
    known = prices_of(prices_at(preset), model)
    assert known is not None
    return known.at(tokens, at)


@with_models
def test_each_model_of_the_catalogue_has_a_price_or_a_reason_why_not(entry: Entry) -> None:
    for model in entry.models:
        known = prices_of(prices_at(entry.id), model)
        assert (known is None) == bool(why_unpriced(entry.id, model)), model
        if known is not None:
            now = known.at(0, NOW)
            assert now.input is not None, model
            assert now.output is not None, model


def test_the_models_that_replace_claudes_have_a_price_at_resellers_with_a_list() -> None:
    for entry in catalogue().providers:
        for model in set((entry.tiers or {}).values()) if prices_at(entry.id) else ():
            assert prices_of(prices_at(entry.id), model) or why_unpriced(entry.id, model), (entry.id, model)


def test_each_price_and_reason_is_for_a_provider_and_a_model_that_exist() -> None:
    lists = price_lists()
    assert set(lists.list_of) <= set(catalogue().ids)
    assert set(lists.list_of.values()) == set(lists.lists) >= set(lists.unpriced)
    models = models_by_list()
    for name, reasons in lists.unpriced.items():
        assert not set(reasons) & set(models_in(name)), name
    sources = json.loads((ROOT / "prices" / "sources.json").read_text(encoding="utf-8"))["lists"]
    for name, source in sources.items():
        # a reseller passes on the names of others, so the catalogue lists none of its models
        assert not models[name] or {model.lower() for model in source.get("own", ())} <= models[name], name
        assert set(source.get("only_when", ())) <= set(models_in(name)), name
        assert all(own["source"] for own in source.get("own", {}).values())


def models_in(name: str) -> dict[str, object]:
    models: dict[str, object] = json.loads(bytes(price_lists().lists[name]))
    return models


def models_by_list() -> dict[str, set[str]]:
    models: dict[str, set[str]] = {}
    for entry in catalogue().providers:
        if name := price_lists().list_of.get(entry.id):
            models.setdefault(name, set()).update(model.lower() for model in entry.models)
    return models


def test_all_prices_can_be_read_and_are_plausible() -> None:
    for preset in catalogue().ids:
        for model, prices in prices_at(preset).items():
            assert model == model.lower()
            assert prices.rates, model
            for rate in prices.rates:
                assert all(0 <= amount <= 300 for amount in amounts(rate.price)), model
                assert (rate.price.cache_read or 0) <= (rate.price.input or 200), model


def amounts(price: Price) -> list[float]:
    known = price.input, price.output, price.cache_read, price.cache_write_5m, price.cache_write_1h
    return [amount for amount in known if amount is not None]


def test_the_file_is_small_and_from_the_pinned_package() -> None:
    assert (ROOT / "src/claude_proxy/config/prices.json").stat().st_size < 60_000
    pinned = (ROOT / "requirements" / "prices.txt").read_text(encoding="utf-8")
    assert re.search(rf"^{price_lists().package}=={re.escape(price_lists().version)} ", pinned, re.MULTILINE)
    assert dt.date(2026, 11, 28) <= price_lists().as_of


@pytest.mark.parametrize(
    ("preset", "model", "meant"),
    [
        ("anthropic", "claude-fable-5-2", Price(8, 40, 0.2, 10, 16)),
        ("anthropic", "claude-fable-5-1", Price(10, 50, 0.25, 12.5, 20)),
        ("anthropic", "claude-sonnet-5-5", Price(2, 10, 0.1, 2.5, 4)),
        ("anthropic", "claude-sonnet-4-20250514", Price(3, 15, 0.3, 3.75, 6)),
        ("anthropic", "claude-3-5-haiku-20241022", Price(0.8, 4, 0.08, 1, 1.6)),
        ("minimax", "MiniMax-M3.1-Flash", Price(0.15, 0.6, 0.015, 0.15)),
        ("moonshot", "kimi-k3", Price(3, 15, 0.3, 3, 6)),
        ("moonshot", "kimi-k3.1-pro", Price(2, 10, 0.2, 2, 4)),
        ("moonshot-cn", "kimi-k3.1-pro-highspeed", Price(4, 20, 0.2, 4, 8)),
        ("kimi-code", "k3", Price(3, 15, 0.3, 3, 6)),
        ("zai", "GLM-5.3-Flash", Price(0.15, 0.5, 0.03, 0.15)),
        ("zai", "glm-5.3-flashx", Price(0.37, 1.25, 0.075, 0.37)),
        ("zhipu", "glm-5.3", Price(1.103, 3.862, 0.276, 1.103)),
        ("stepfun", "step-5-preview", Price(1, 2.7, 0.1, 1)),
        ("dashscope-intl", "qwen3.8-max-prime", Price(4, 12, 0.5, 4)),
        ("xiaomi", "mimo-v2.6-pro-ultraspeed", Price(4.35, 8.7, 0.036, 4.35)),
        ("openrouter", "~z-ai/glm-latest", Price(1.4, 4.4, 0.26, 1.4)),
        ("bedrock-mantle", "anthropic.claude-haiku-4-5", Price(1.1, 5.5, 0.11, 1.375, 2.2)),
    ],
)
def test_has_the_price_of_a_model(preset: str, model: str, meant: Price) -> None:
    assert price(preset, model) == meant


def test_has_the_tiers_of_long_prompts() -> None:
    assert price("anthropic", "claude-haiku-5-5", tokens=100_000) == Price(0.1, 0.5, 0.01, 0.125, 0.2)
    assert price("anthropic", "claude-haiku-5-5", tokens=100_001) == Price(0.5, 2.5, 0.05, 0.625, 1)
    assert price("minimax", "MiniMax-M3", tokens=512_001).input == 0.6
    assert price("anthropic", "claude-opus-4-6", tokens=900_000).input == 5, "long prompts cost more until March 2026"


@pytest.mark.parametrize(
    ("moment", "dollars"),
    [
        ("2026-11-27T00:59:59", 0.15),
        ("2026-11-27T01:00:00", 0.3),
        ("2026-11-27T04:00:00", 0.15),
        ("2026-11-27T09:59:59", 0.3),
        ("2026-11-28T09:59:59", 0.15),
    ],
)
def test_has_the_peak_hours_of_working_days(moment: str, dollars: float) -> None:
    at = dt.datetime.fromisoformat(f"{moment}+00:00").timestamp()
    assert price("deepseek", "deepseek-flash", at=at).input == dollars


@pytest.mark.parametrize(("day", "dollars"), [("2026-09-09T23:59:59", 0.075), ("2026-09-10T00:00:00", 0.15)])
def test_has_the_day_on_which_a_price_changed(day: str, dollars: float) -> None:
    at = dt.datetime.fromisoformat(f"{day}+00:00").timestamp()
    assert price("zai", "glm-5.3-flash", at=at).input == dollars


def test_knows_no_prices_of_a_provider_without_a_list() -> None:
    assert prices_at("vercel") == prices_at("ollama") == {}
    assert why_unpriced("vercel", "m") == ""


def test_reads_every_condition_of_a_rate() -> None:
    text = b'{"input":1,"above":5,"since":"2026-01-02","hours":"22:30-06:00","weekdays":[0,6],"utc_offset":8}'
    since = dt.datetime(2026, 1, 2, tzinfo=dt.UTC).timestamp()
    assert msgspec.json.decode(text, type=RateEntry).rate == Rate(
        Price(1), 5, since, (22 * 3600 + 1800, 6 * 3600), frozenset({0, 6}), 8 * 3600
    )


@pytest.mark.parametrize(
    "wrong", ['"hours":"24:00-25:00"', '"hours":"1-2"', '"weekdays":[7]', '"color":1', '"above":-1']
)
def test_refuses_a_rate_that_it_does_not_understand(wrong: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(f"{{{wrong}}}", type=RateEntry)


def configured(home: Folder, model: str, own: object) -> Prices | None:
    provider = only(home, {"preset": "anthropic", "model_facts": {model: {"price": own}}})
    return prices_of(provider.prices, "claude-haiku-5-5")


def test_the_price_of_the_user_counts_in_every_tier(home: Folder) -> None:
    prices = configured(home, "claude-haiku-5-5", {"input": 7, "cache_read": None})
    assert prices is not None
    assert prices.at(0, NOW) == Price(7, 0.5, None, 0.125, 0.2)
    assert prices.at(MILLION, NOW) == Price(7, 2.5, None, 0.625, 1)


@pytest.mark.parametrize("name", ["Claude-Haiku-5-5", "claude-haiku-5-5[1m]"])
def test_finds_the_price_of_the_user_by_the_model_in_any_case(home: Folder, name: str) -> None:
    prices = configured(home, name, {"input": 7})
    assert prices is not None
    assert prices.at(0, NOW).input == 7


def test_the_price_of_the_user_for_a_dated_name_is_for_that_alone(home: Folder) -> None:
    dated = "claude-haiku-5-5-20260901"
    given = only(home, {"preset": "anthropic", "model_facts": {dated: {"price": {"input": 7}}}}).prices
    prices = prices_of(given, dated)
    assert prices is not None
    assert prices.at(0, NOW) == Price(7, 0.5, 0.01, 0.125, 0.2)
    assert given["claude-haiku-5-5"] == prices_at("anthropic")["claude-haiku-5-5"]


def test_the_user_can_price_a_model_of_which_nothing_is_known(home: Folder) -> None:
    relay = {"name": "relay", "base_url": "https://relay.example", "api_key_env": "ANTHROPIC_API_KEY"}
    provider = only(home, relay | {"model_facts": {"m": {"price": {"input": 0, "output": 0}}}})
    assert provider.prices == {"m": Prices((Rate(Price(0, 0)),))}


def test_facts_without_a_price_leave_the_prices_as_they_are(home: Folder) -> None:
    provider = only(home, {"preset": "anthropic", "model_facts": {"claude-opus-5": {"context": 5}}})
    assert provider.prices is prices_at("anthropic")


@pytest.mark.parametrize(
    ("settings", "key", "is_plan"),
    [
        ({"preset": "kimi-code"}, "sk-kimi-1", True),
        ({"preset": "stepfun"}, "k", True),
        ({"preset": "minimax"}, "sk-cp-1", True),
        ({"preset": "minimax"}, "sk-api-1", False),
        ({"preset": "anthropic"}, "sk-ant-api03-1", False),
        ({"preset": "anthropic"}, "sk-ant-oat01-1", True),
        ({"preset": "anthropic", "auth": "client"}, "", True),
        ({"preset": "anthropic", "auth": "client", "plan": False}, "", False),
        ({"preset": "zai"}, "k", False),
        ({"preset": "zai", "plan": True}, "k", True),
        ({"preset": "kimi-code", "plan": False}, "sk-kimi-1", False),
        ({"name": "relay", "base_url": "https://relay.example", "models": {}}, "k", False),
        ({"name": "relay", "base_url": "https://relay.example", "plan": True}, "k", True),
    ],
)
def test_knows_whether_a_plan_pays(home: Folder, settings: dict[str, Any], key: str, is_plan: bool) -> None:
    variable = {} if "auth" in settings else {"api_key_env": "SOME_KEY"}
    assert only(home, settings | variable, key or "k").is_plan is is_plan
