"""What the database sums up is what the providers counted, in whichever way each of them tells it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from claude_proxy.config.catalogue import Entry, catalogue
from claude_proxy.core.prices import Price, Prices, Rate
from claude_proxy.core.types import Account, Ending
from claude_proxy.store.usage_db.database import Database
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import MODEL, configured, running_proxy
from fakes.scripts import MESSAGE, MESSAGE_STOP, block_start, block_stop
from fakes.steps import Cut, Event, Script, Status, Stream, text_delta
from store.usage_db.accounts import rows

COUNTED = {
    "input_tokens": 12,
    "output_tokens": 7,
    "cache_read_tokens": 80,
    "cache_write_5m_tokens": 5,
    "cache_write_1h_tokens": 15,
}
PRICE = Price(input=1, output=10, cache_read=0.5, cache_write_5m=2, cache_write_1h=4)
PRICES = {MODEL: Prices((Rate(PRICE),))}
DOLLARS = (12 * 1 + 7 * 10 + 80 * 0.5 + 5 * 2 + 15 * 4) / 1_000_000
TIMES = 3
Told = Mapping[str, Any]


def told_of(*, counts_cache: bool) -> dict[str, Any]:
    """Return what is counted as a provider tells it; some count what the cache has as input too."""
    return {
        "input_tokens": 112 if counts_cache else 12,
        "output_tokens": 7,
        "cache_read_input_tokens": 80,
        "cache_creation_input_tokens": 20,
        "cache_creation": {"ephemeral_5m_input_tokens": 5, "ephemeral_1h_input_tokens": 15},
    }


def stream(start: Told, end: Told) -> Script:
    begun = Event("message_start", {"message": {"type": "message", "content": [], "model": "m", "usage": start}})
    ended = Event("message_delta", {"delta": {"stop_reason": "end_turn"}, "usage": end})
    text = block_start({"type": "text", "text": ""}), text_delta("hi"), block_stop()
    return [Stream(), begun, *text, ended, MESSAGE_STOP]


def input_first(told: Told) -> Script:
    return stream({**told, "output_tokens": 1}, {"output_tokens": 7})


def all_last(told: Told) -> Script:
    return stream({"input_tokens": 0, "output_tokens": 0}, told)


def all_twice(told: Told) -> Script:
    return stream({**told, "output_tokens": 0}, told)


def zeros_last(told: Told) -> Script:
    return stream({**told, "output_tokens": 1}, {**dict.fromkeys(told, 0), "output_tokens": 7})


def all_as_input_first(told: Told) -> Script:
    """Count the whole context before the answer, and tell at its end what of it the cache had."""
    return stream({"input_tokens": 112, "output_tokens": 1}, {**told, "input_tokens": 12})


def whole(told: Told) -> Script:
    return [Status(200, json.dumps({**MESSAGE, "usage": told}).encode())]


FORMS = [input_first, all_last, all_twice, zeros_last, all_as_input_first, whole]
each_form = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
TABLES = ("exchanges", "attempts")
OTHERS = ("anthropic", "deepseek", "moonshot", "zai")
"""Some that count as Anthropic does."""
ENTRIES = [entry for entry in catalogue().providers if entry.traits.input_counts_cache or entry.id in OTHERS]
each_entry = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)


@each_entry
@each_form
@async_test
async def test_the_sums_are_what_each_provider_of_the_catalogue_counted(
    entry: Entry, form: Callable[[Told], Script], tmp_path: Path
) -> None:
    provider = FakeProvider(form(told_of(counts_cache=entry.traits.input_counts_cache)))
    async with running_proxy(configured(provider, traits=entry.traits, prices=PRICES)) as proxy:
        for _ in range(TIMES):
            await (await proxy.post(stream=form is not whole)).read()
        accounts = await proxy.ledger.wait_for_accounts(TIMES)
    for table in TABLES:
        assert sums(tmp_path, accounts, table) == {
            **{column: TIMES * tokens for column, tokens in COUNTED.items()},
            "cost": pytest.approx(TIMES * DOLLARS),
        }


@each_entry
@async_test
async def test_an_answer_that_goes_on_costs_what_both_providers_counted(entry: Entry, tmp_path: Path) -> None:
    """The first one tells what it read before it breaks off; its last count of what it wrote is 1."""
    told = told_of(counts_cache=entry.traits.input_counts_cache)
    begun = [*input_first(told)[:-3], Cut()]
    first = configured(FakeProvider(begun, [Status(500)]), traits=entry.traits, prices=PRICES)
    second = configured(FakeProvider(input_first(told)), traits=entry.traits, prices=PRICES)
    async with running_proxy(first, second) as proxy:
        await (await proxy.post()).read()
        accounts = await proxy.ledger.wait_for_accounts(1)
    assert accounts[0].ending is Ending.RECOVERED
    for table in TABLES:
        assert sums(tmp_path, accounts, table) == {
            **{column: 2 * tokens for column, tokens in COUNTED.items()},
            "output_tokens": 1 + 7,
            "cost": pytest.approx(2 * DOLLARS - 6 * 10 / 1_000_000),
        }


def sums(folder: Path, accounts: Iterable[Account], table: str) -> dict[str, Any]:
    """Return the sums of the columns that a database has which recorded these accounts."""
    path = folder / f"{table}.db"
    with closing(Database(path)) as database:
        database.add(accounts)
    [found] = rows(path, f"SELECT {', '.join(f'sum({name}) AS {name}' for name in (*COUNTED, 'cost'))} FROM {table}")  # noqa: S608
    return found
