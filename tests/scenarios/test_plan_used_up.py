"""A provider says, when it is asked, that its plan is used up: it is in cooldown before a request fails."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from claude_proxy.app import proxy as app_proxy
from claude_proxy.core.types import Policy
from fakes import quota_answers
from fakes.async_test import async_test
from fakes.clock import NOON, FakeClock
from fakes.provider import FakeProvider
from fakes.proxy import RunningProxy, make_config, make_provider, started_proxy
from fakes.quota_answers import HOUR, with_endpoints
from fakes.scripts import answers
from fakes.steps import Status
from fakes.stream_checks import complete_text

REMAINS = "/v1/token_plan/remains"
KEY = "key-of-minimax"


@pytest.fixture(autouse=True)
def _look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_proxy, "LOOK_INTERVAL", 0.005)


class Plan:
    """A provider whose plan has so much left, in percent."""

    def __init__(self, remaining: float) -> None:
        self.remaining = remaining
        self.fake = FakeProvider(with_endpoints({REMAINS: lambda: quota_answers.minimax(NOON, self.remaining)}, "plan"))

    @property
    def questions(self) -> int:
        return sum(request.target == REMAINS for request in self.fake.requests)


@contextlib.asynccontextmanager
async def behind_proxy(plan: Plan, *others: FakeProvider, clock: FakeClock) -> AsyncIterator[RunningProxy]:
    """Start the proxy in front of a provider with a plan, `minimax`, and others."""
    async with contextlib.AsyncExitStack() as stack:
        for fake in (plan.fake, *others):
            await stack.enter_async_context(fake)
        first = make_provider("minimax", f"{plan.fake.url}/anthropic", quota="minimax")
        rest = [make_provider(f"other{number}", fake.url) for number, fake in enumerate(others)]
        config = make_config([first, *rest], Policy())
        yield await stack.enter_async_context(started_proxy(config, clock=clock))


async def quota_of(proxy: RunningProxy, name: str = "minimax") -> Any:
    """Return what `status` says of a provider's quota, once it has been asked."""
    for _ in range(1000):
        quota = (await proxy.status())[name]["quota"]
        if quota is None or quota["unknown"] != "not asked yet":
            return quota
        await asyncio.sleep(0.005)
    pytest.fail("the provider is not asked")


@async_test
async def test_the_next_request_goes_to_another_provider_and_none_fails() -> None:
    plan, other = Plan(0), FakeProvider(answers("other"))
    async with behind_proxy(plan, other, clock=FakeClock()) as proxy:
        assert await complete_text(await proxy.post()) == "plan"
        await proxy.ledger.note_with("its plan is used up (5 h)")
        answer = await proxy.post()
        assert await complete_text(answer) == "other"
        assert answer.headers["x-claude-proxy-attempts"] == "other0=200"
        status = (await proxy.status())["minimax"]
        assert (status["state"], status["why"]) == ("cooldown", "plan used up")
        assert (status["cooldown_until"], status["last_error"]) == (NOON + HOUR, None)
        explained = await (await proxy.ask("GET", "/admin/explain?model=opus")).json()
        names = [(each["provider"], each["cooldown_reason"]) for each in explained["candidates"]]
        assert names == [("other0", ""), ("minimax", "plan used up")]


@async_test
async def test_status_shows_what_is_left_without_the_key() -> None:
    plan, other = Plan(58), FakeProvider(answers("other"))
    async with behind_proxy(plan, other, clock=FakeClock()) as proxy:
        assert (await proxy.status())["minimax"]["quota"]["unknown"] == "not asked yet"
        assert await complete_text(await proxy.post()) == "plan"
        quota = await quota_of(proxy)
        assert [(window["name"], round(window["used"], 9)) for window in quota["windows"]] == [
            ("5 h", 0.42),
            ("week", 0.1),
        ]
        assert (quota["read_at"], quota["unknown"]) == (NOON, "")
        assert await quota_of(proxy, "other0") is None
        assert KEY not in json.dumps(await proxy.status())
    assert [request.header("authorization") for request in other.requests if KEY in str(request)] == []


@async_test
async def test_a_provider_that_is_free_again_is_asked_again() -> None:
    clock = FakeClock()
    plan, other = Plan(0), FakeProvider(answers("other"))
    async with behind_proxy(plan, other, clock=clock) as proxy:
        assert await complete_text(await proxy.post()) == "plan"
        await proxy.ledger.note_with("its plan is used up")
        plan.remaining = 100
        clock.pass_time(301)
        assert await complete_text(await proxy.post()) == "other"
        await proxy.ledger.note_with("its plan is free again")
        assert await complete_text(await proxy.post()) == "plan"


@async_test
async def test_after_the_reset_a_request_tries_it() -> None:
    clock = FakeClock()
    plan, other = Plan(0), FakeProvider(answers("other"))
    async with behind_proxy(plan, other, clock=clock) as proxy:
        assert await complete_text(await proxy.post()) == "plan"
        await proxy.ledger.note_with("its plan is used up")
        clock.pass_time(HOUR - 1)
        assert await complete_text(await proxy.post()) == "other"
        clock.pass_time(1)
        assert await complete_text(await proxy.post()) == "plan"


@async_test
async def test_a_pinned_request_goes_to_it_anyway() -> None:
    plan, other = Plan(0), FakeProvider(answers("other"))
    async with behind_proxy(plan, other, clock=FakeClock()) as proxy:
        assert await complete_text(await proxy.post()) == "plan"
        await proxy.ledger.note_with("its plan is used up")
        assert await complete_text(await proxy.post("/provider/minimax/v1/messages")) == "plan"


@async_test
async def test_a_provider_without_others_is_asked_anyway() -> None:
    plan = Plan(0)
    async with behind_proxy(plan, clock=FakeClock()) as proxy:
        assert await complete_text(await proxy.post()) == "plan"
        await proxy.ledger.note_with("its plan is used up")
        assert await complete_text(await proxy.post()) == "plan"


@async_test
async def test_if_all_others_fail_it_is_asked_anyway() -> None:
    plan, other = Plan(0), FakeProvider([Status(529)])
    async with behind_proxy(plan, other, clock=FakeClock()) as proxy:
        assert await complete_text(await proxy.post()) == "plan"
        await proxy.ledger.note_with("its plan is used up")
        answer = await proxy.post()
        assert await complete_text(answer) == "plan"
        assert answer.headers["x-claude-proxy-attempts"] == "other0=529, minimax=200"


@async_test
async def test_commands_do_not_count_as_use() -> None:
    plan = Plan(58)
    async with behind_proxy(plan, clock=FakeClock()) as proxy:
        for _ in range(20):
            await proxy.status()
            await asyncio.sleep(0.001)
        assert plan.questions == 0


@async_test
async def test_claude_reset_ends_the_cooldown() -> None:
    plan, other = Plan(0), FakeProvider([Status(529)], answers("other"))
    async with behind_proxy(plan, other, clock=FakeClock()) as proxy:
        assert await complete_text(await proxy.post()) == "plan"
        await proxy.ledger.note_with("its plan is used up")
        ended = await proxy.ask("POST", "/admin/quota/forget", b"{}")
        assert await ended.json() == {"ended": 1}
        assert (await proxy.status())["minimax"]["state"] == "ready"
        assert await complete_text(await proxy.post()) == "plan"
        assert other.requests == []
        assert (await proxy.ask("POST", "/admin/quota/forget", b"[]")).status == 400
