"""A budget is used up: the provider is passed over, at the worst the client is told, and a new day or a change ends it.

The plan's tokens and those without a price are no part of it, which is in `tests/core/test_budgets.py`.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any
from unittest import mock

import pytest

import claude_proxy.app.proxy
from claude_proxy.config.load import Config, load
from claude_proxy.core.budgets import Budget, Period
from claude_proxy.core.prices import Price, Prices, Rate
from claude_proxy.core.routing import Candidate
from claude_proxy.core.types import Policy
from claude_proxy.store.home import Home
from fakes.async_test import async_test
from fakes.clock import FakeClock
from fakes.provider import FakeProvider
from fakes.proxy import MODEL, NAMES, RunningProxy, make_config, make_provider, started_proxy
from fakes.scripts import MESSAGE_STOP, USAGE, answers, block_stop, json_answer, message_delta, opening
from fakes.steps import Status, Wait
from fakes.stream_checks import complete_text
from scenarios.test_auto_mode import LIST, SAFEGUARDS, stream, verdicts

DOLLAR_EACH = MappingProxyType({MODEL: Prices((Rate(Price(0, 1_000_000 / USAGE["output_tokens"])),))})
"""A scripted answer costs one dollar."""
ONE_A_DAY = Budget(1.0, Period.DAY)
HOUR = 3600.0


def priced(*fakes: FakeProvider, budgets: tuple[Budget, ...] = (ONE_A_DAY,), plan: str = "", **changes: Any) -> Config:
    providers = [
        make_provider(name, fake.url, prices=DOLLAR_EACH, is_plan=name == plan)
        for name, fake in zip(NAMES, fakes, strict=False)
    ]
    config = make_config(providers, Policy())
    return dataclasses.replace(config, budgets=budgets, **changes)


async def text(proxy: RunningProxy, target: str = "/v1/messages") -> str:
    """Ask, and return the text of the answer."""
    before = len(proxy.ledger.accounts)
    answer = await complete_text(await proxy.post(target))
    await proxy.ledger.wait_for_accounts(before + 1)
    return answer


@async_test
async def test_the_next_provider_answers_when_the_budget_of_the_first_is_used_up() -> None:
    async with FakeProvider(answers("first")) as first, FakeProvider(answers("second")) as second:
        config = priced(first, second, budgets=(Budget(2.0, Period.MONTH, "minimax"),))
        async with started_proxy(config, clock=FakeClock()) as proxy:
            assert [await text(proxy) for _ in range(4)] == ["first", "first", "second", "second"]
            assert (await proxy.status())["minimax"]["over_budget"] is True
            report = await (await proxy.ask("GET", "/admin/status")).json()
            explained = await (await proxy.ask("GET", f"/admin/explain?model={MODEL}")).json()
    [budget] = report["budgets"]
    assert (budget["provider"], budget["per"], round(budget["spent"], 9)) == ("minimax", "month", 2.0)
    assert [each["place"] for each in explained["candidates"]] == [1, 0]
    [note] = [note for note in proxy.ledger.notes if "is used up" in note]
    assert note == (
        "warning: the budget of $2.00 a month for minimax is used up ($2.00 spent): minimax is passed over until "
        "2027-02-01 00:00. To change that, raise it under `budgets` in config.json, which is taken up at once"
    )


@pytest.mark.parametrize("target", ["/v1/messages", "/provider/minimax/v1/messages"])
@async_test
async def test_the_client_is_told_of_the_budget_at_once_if_no_provider_is_left(target: str) -> None:
    async with FakeProvider(answers("first")) as fake:
        async with started_proxy(priced(fake), clock=FakeClock()) as proxy:
            assert await text(proxy, target) == "first"
            refused = await proxy.post(target)
            error = (await refused.json())["error"]
        assert len(fake.requests) == 1
    assert (refused.status, refused.headers["x-should-retry"], error["type"]) == (429, "false", "rate_limit_error")
    assert "retry-after" not in refused.headers
    assert error["message"] == (
        "claude-proxy: the budget of $1.00 a day is used up ($1.00 spent) and begins anew at 2027-01-16 00:00. To go "
        "on now, raise it under `budgets` in config.json, which is taken up at once"
    )


@async_test
async def test_a_provider_over_budget_is_not_asked_even_if_all_others_fail() -> None:
    async with FakeProvider(answers("first")) as first, FakeProvider([Status(529)]) as broken:
        config = priced(first, broken, budgets=(Budget(1.0, Period.DAY, "minimax"),))
        async with started_proxy(config, clock=FakeClock()) as proxy:
            assert await text(proxy) == "first"
            answer = await proxy.post()
            message = (await answer.json())["error"]["message"]
        assert (len(first.requests), len(broken.requests)) == (1, 1)
    assert answer.status == 503
    assert message.startswith("claude-proxy: moonshot could not answer: ")
    assert message.endswith(". Passed over, since a budget is used up: minimax.")


@async_test
async def test_a_plan_goes_on_when_the_budget_of_all_is_used_up() -> None:
    async with (
        FakeProvider(answers("charged")) as charged,
        FakeProvider(answers("plan")) as plan,
        started_proxy(priced(charged, plan, plan="moonshot"), clock=FakeClock()) as proxy,
    ):
        assert [await text(proxy) for _ in range(3)] == ["charged", "plan", "plan"]


@async_test
async def test_with_warn_requests_go_on() -> None:
    async with (
        FakeProvider(answers("on")) as fake,
        started_proxy(priced(fake, on_budget="warn"), clock=FakeClock()) as proxy,
    ):
        assert [await text(proxy) for _ in range(3)] == ["on", "on", "on"]
        assert len([note for note in proxy.ledger.notes if "is used up ($1.00 spent)" in note]) == 1


@async_test
async def test_a_new_day_has_its_own_budget() -> None:
    clock = FakeClock()
    with mock.patch.object(claude_proxy.app.proxy, "LOOK_INTERVAL", 0.01):
        async with FakeProvider(answers("again")) as fake, started_proxy(priced(fake), clock=clock) as proxy:
            assert await text(proxy) == "again"
            assert (await proxy.post()).status == 429
            clock.pass_time(24 * HOUR)
            while (await proxy.status())["minimax"]["over_budget"]:
                pass
            assert await text(proxy) == "again"


@pytest.fixture
def looks_often() -> Iterator[None]:
    with mock.patch.object(claude_proxy.app.proxy, "LOOK_INTERVAL", 0.01):
        yield


@pytest.mark.usefixtures("looks_often")
@async_test
async def test_a_raised_budget_is_taken_up_at_once(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.prepare()
    home.env.write_text("A_KEY=first-key\n", encoding="utf-8")

    def configure(fake: FakeProvider, dollars: float) -> None:
        price = {MODEL: {"price": {"input": 0, "output": 1000}}}
        entry = {"name": "a", "base_url": fake.url, "api_key_env": "A_KEY", "model_facts": price}
        document = {"providers": [entry], "budgets": [{"day": dollars}]}
        home.config.write_text(json.dumps(document), encoding="utf-8")

    async with FakeProvider(answers("on")) as fake:
        configure(fake, 0.001)
        async with started_proxy(dataclasses.replace(load(home.root, {}), port=0), home=home) as proxy:
            assert await text(proxy) == "on"
            assert (await proxy.post()).status == 429
            configure(fake, 100)
            await proxy.ledger.note_with("configuration reloaded")
            assert await text(proxy) == "on"


@async_test
async def test_the_model_that_checks_for_auto_mode_is_not_asked_when_its_budget_is_used_up() -> None:
    async with FakeProvider(stream(LIST)) as first, FakeProvider(verdicts("allow")) as judge:
        config = priced(first, judge, budgets=(Budget(0.000001, Period.DAY, "moonshot"),))
        judges = dataclasses.replace(config, auto_mode=Candidate(config.providers[1], MODEL))
        async with started_proxy(judges, clock=FakeClock()) as proxy:
            await (await proxy.post(safeguards=SAFEGUARDS)).all_events()
            await proxy.ledger.wait_for_accounts(1)
            events = await (await proxy.post(safeguards=SAFEGUARDS)).all_events()
        assert (len(first.requests), len(judge.requests)) == (2, 1)
    delta = next(event.data["delta"] for event in events if event.name == "message_delta")
    assert delta.get("safeguard_results") is None  # so Claude Code asks its user


@async_test
async def test_requests_in_flight_go_to_their_end_and_count() -> None:
    gate = asyncio.Event()
    slow = [*opening("slow"), Wait(gate), block_stop(), message_delta(), MESSAGE_STOP]
    async with (
        FakeProvider(slow, answers("fast"), slow) as fake,
        started_proxy(priced(fake), clock=FakeClock()) as proxy,
    ):
        in_flight = await proxy.post()
        assert await text(proxy) == "fast"
        assert (await proxy.post()).status == 429
        gate.set()
        assert await complete_text(in_flight) == "slow"
        await proxy.ledger.wait_for_accounts(3)
        report = await (await proxy.ask("GET", "/admin/status")).json()
    assert round(report["budgets"][0]["spent"], 9) == 2.0


@async_test
async def test_tokens_are_counted_and_other_services_answer_when_a_budget_is_used_up() -> None:
    async with (
        FakeProvider(answers("paid"), json_answer(200, {"input_tokens": 7})) as fake,
        started_proxy(priced(fake), clock=FakeClock()) as proxy,
    ):
        assert await text(proxy) == "paid"
        counted = await proxy.post("/v1/messages/count_tokens", stream=False)
        assert await counted.json() == {"input_tokens": 7}
        assert (await proxy.ask("GET", "/v1/models")).status == 200
