"""What `/metrics` sums up is what the accounts say, whatever became of the requests."""

from __future__ import annotations

import asyncio
from collections import Counter

from claude_proxy.core.prices import Price, Prices, Rate
from claude_proxy.core.types import Account
from fakes.async_test import async_test
from fakes.client import Answer
from fakes.provider import FakeProvider
from fakes.proxy import MODEL, RunningProxy, configured, running_proxy
from fakes.scripts import json_message, message, opening
from fakes.steps import Cut, Stall, Status
from metrics_samples import scrape, total_of

PRICES = {MODEL: Prices((Rate(Price(input=1, output=10)),))}


async def read(answer: Answer) -> None:
    if answer.headers.get("content-type", "").startswith("text/event-stream"):
        await answer.all_events()
    else:
        await answer.read()


async def hang_up_during_an_answer(proxy: RunningProxy, slow: FakeProvider) -> None:
    async with asyncio.TaskGroup() as group:
        connection = await proxy.connect()
        asked = group.create_task(proxy.post("/provider/zai/v1/messages", connection=connection))
        await slow.wait_for_requests()
        asked.cancel()
        connection.hang_up()


def sum_of_tokens(accounts: list[Account]) -> int:
    return sum(account.usage.input_tokens + account.usage.output_tokens for account in accounts)


@async_test
async def test_the_sums_are_those_of_the_accounts() -> None:
    odd = FakeProvider([Status(529)], [*opening("half"), Cut()], [Status(400)], json_message())
    sound, slow = FakeProvider(message("whole")), FakeProvider([Stall()])
    plan = configured(sound, prices=PRICES, own_models=(MODEL,), is_plan=True)
    async with running_proxy(configured(odd, prices=PRICES), plan, slow, cooldown=0.0) as proxy:
        for number in range(6):
            await read(await proxy.post(stream=number % 2 == 0))
        await read(await proxy.post("/v1/messages/count_tokens"))
        await read(await proxy.post(messages="no list"))
        await hang_up_during_an_answer(proxy, slow)
        accounts = await proxy.ledger.wait_for_accounts(9)
        samples = await scrape(proxy)
    assert len(accounts) == 9
    attempts = [attempt for account in accounts for attempt in (*account.attempts, *account.checks)]
    assert total_of(samples, "requests_total") == 9
    for ending, count in Counter(account.ending.value for account in accounts).items():
        assert total_of(samples, "requests_total", ending=ending) == count
    assert len({account.ending for account in accounts}) >= 3
    for provider, count in Counter(attempt.provider for attempt in attempts).items():
        assert total_of(samples, "attempts_total", provider=provider) == count
    assert total_of(samples, "attempts_total", reason="accepted") == sum(attempt.accepted for attempt in attempts)
    assert total_of(samples, "tokens_total") == sum_of_tokens(accounts) > 0
    charged = sum(attempt.cost.charged or 0.0 for attempt in attempts)
    assert abs(total_of(samples, "cost_dollars_total") - charged) < 1e-12
    paid = sum(account.plan_cost or 0.0 for account in accounts)
    assert abs(total_of(samples, "plan_cost_dollars_total") - paid) < 1e-12
    assert paid > 0
    assert total_of(samples, "request_duration_seconds_count") == 9
    begun = [account for account in accounts if account.first_byte_ms is not None]
    assert total_of(samples, "time_to_first_byte_seconds_count") == len(begun)
