"""A session stays with the provider that took it over, and returns to the first choice when its cache has expired."""

from __future__ import annotations

import asyncio

import pytest

from claude_proxy.core.traits import ModelFacts, Traits
from claude_proxy.core.types import Failback
from fakes.async_test import async_test
from fakes.client import Answer
from fakes.clock import FakeClock
from fakes.provider import FakeProvider
from fakes.proxy import MODEL, RunningProxy, configured, running_proxy
from fakes.scripts import MESSAGE_STOP, answers, block_stop, message, message_delta, opening
from fakes.steps import Cut, Status, Wait
from fakes.stream_checks import complete_text

REST = 15.0
"""The cooldown after one strike, in seconds."""


async def say(proxy: RunningProxy, session: str = "one", target: str = "/v1/messages") -> Answer:
    return await proxy.post(target, headers={"x-claude-code-session-id": session})


async def told(proxy: RunningProxy, session: str = "one", target: str = "/v1/messages") -> str:
    return await complete_text(await say(proxy, session, target))


def failing_once() -> FakeProvider:
    return FakeProvider([Status(529)], message("first"))


@async_test
async def test_a_session_stays_where_it_is_and_returns_after_five_silent_minutes() -> None:
    clock = FakeClock()
    async with running_proxy(failing_once(), FakeProvider(answers("second")), clock=clock) as proxy:
        for _ in range(4):
            assert await told(proxy) == "second"
            clock.pass_time(299)
        clock.pass_time(1)
        assert await told(proxy) == "first"
        assert await told(proxy) == "first"


@async_test
async def test_a_new_session_starts_at_the_first_choice_and_does_not_move_the_other() -> None:
    clock = FakeClock()
    async with running_proxy(failing_once(), FakeProvider(answers("second")), clock=clock) as proxy:
        assert await told(proxy) == "second"
        clock.pass_time(REST)
        assert await told(proxy, "two") == "first"
        assert await told(proxy) == "second"


@async_test
async def test_a_web_search_in_between_does_not_move_the_session() -> None:
    nothing = Traits(server_tools=())
    second, third = FakeProvider(answers("second")), FakeProvider(answers("searched"))
    first = configured(failing_once(), traits=nothing)
    clock = FakeClock()
    async with running_proxy(first, configured(second, traits=nothing), third, clock=clock) as proxy:
        assert await told(proxy) == "second"
        clock.pass_time(REST)
        search = [{"type": "web_search_20250305", "name": "web_search"}]
        asked = await proxy.post(headers={"x-claude-code-session-id": "one"}, tools=search)
        assert await complete_text(asked) == "searched"
        assert await told(proxy) == "second"


@async_test
async def test_without_a_session_the_order_does_not_change() -> None:
    clock = FakeClock()
    async with running_proxy(failing_once(), FakeProvider(answers("second")), clock=clock) as proxy:
        assert await told(proxy, "") == "second"
        clock.pass_time(REST)
        assert await told(proxy, "") == "first"


@async_test
async def test_if_the_holder_fails_the_first_choice_is_asked_again() -> None:
    clock = FakeClock()
    second = FakeProvider(message("second"), [Status(529)], message("second"))
    async with running_proxy(failing_once(), second, clock=clock) as proxy:
        assert await told(proxy) == "second"
        clock.pass_time(REST)
        answer = await say(proxy)
        assert answer.headers["x-claude-proxy-attempts"] == "moonshot=529, minimax=200"
        assert await complete_text(answer) == "first"
        clock.pass_time(REST)
        assert await told(proxy) == "first"


@pytest.mark.parametrize(("failback", "then"), [(Failback.IMMEDIATE, "first"), (Failback.NEVER, "second")])
@async_test
async def test_follows_the_failback_setting(failback: Failback, then: str) -> None:
    clock = FakeClock()
    fakes = failing_once(), FakeProvider(answers("second"))
    async with running_proxy(*fakes, clock=clock, failback=failback) as proxy:
        assert await told(proxy) == "second"
        clock.pass_time(REST if failback is Failback.IMMEDIATE else 9999)
        assert await told(proxy) == then


@async_test
async def test_a_pinned_request_neither_uses_nor_moves_the_session() -> None:
    clock = FakeClock()
    async with running_proxy(failing_once(), FakeProvider(answers("second")), clock=clock) as proxy:
        assert await told(proxy) == "second"
        clock.pass_time(REST)
        assert await told(proxy, target="/provider/minimax/v1/messages") == "first"
        assert await told(proxy) == "second"


@async_test
async def test_a_request_too_long_for_the_holder_goes_to_a_larger_window() -> None:
    clock = FakeClock()
    small = configured(FakeProvider(answers("second")), facts={MODEL: ModelFacts(context=1000)})
    async with running_proxy(failing_once(), small, clock=clock) as proxy:
        assert await told(proxy) == "second"
        clock.pass_time(REST)
        long = await proxy.post(headers={"x-claude-code-session-id": "one"}, system="word " * 2000)
        assert await complete_text(long) == "first"


@async_test
async def test_an_answer_that_broke_off_takes_the_session_over_too() -> None:
    clock = FakeClock()
    second = FakeProvider([*opening("half"), Cut()], message("second"))
    async with running_proxy(failing_once(), second, clock=clock) as proxy:
        await (await say(proxy)).all_events()
        clock.pass_time(REST)
        assert await told(proxy) == "second"


@async_test
async def test_the_end_of_a_long_answer_extends_the_stay() -> None:
    clock, gate = FakeClock(), asyncio.Event()
    long = [*opening("second"), Wait(gate), block_stop(), message_delta(), MESSAGE_STOP]
    async with running_proxy(failing_once(), FakeProvider(long), clock=clock) as proxy:
        answer = await say(proxy)
        clock.pass_time(299)
        gate.set()
        assert await complete_text(answer) == "second"
        await proxy.ledger.wait_for_accounts(1)
        clock.pass_time(299)
        assert await told(proxy) == "second"


@async_test
async def test_an_answer_in_progress_takes_the_session_over_already() -> None:
    clock, gate = FakeClock(), asyncio.Event()
    long = [*opening("second"), Wait(gate), block_stop(), message_delta(), MESSAGE_STOP]
    async with running_proxy(failing_once(), FakeProvider(long, message("second")), clock=clock) as proxy:
        answer = await say(proxy)
        clock.pass_time(REST)
        assert await told(proxy) == "second"
        gate.set()
        assert await complete_text(answer) == "second"
