"""A provider that says nothing for more than ten seconds is named in the status while a client waits for it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fakes.async_test import async_test
from fakes.clock import FakeClock
from fakes.provider import FakeProvider
from fakes.proxy import RunningProxy, running_proxy
from fakes.scripts import MESSAGE_STOP, block_stop, message, message_delta, opening
from fakes.steps import Script, Wait
from fakes.stream_checks import complete_text

SESSION = {"x-claude-code-session-id": "a-session"}


async def waiting(proxy: RunningProxy) -> Any:
    return (await (await proxy.ask("GET", "/admin/status")).json())["waiting"]


async def line(proxy: RunningProxy) -> Any:
    return [text for text, _ in await (await proxy.ask("GET", "/admin/statusline?session=a-session")).json()]


@pytest.mark.parametrize("stream", [True, False])
@async_test
async def test_a_provider_that_has_not_begun_to_answer_is_named_with_the_next_one(*, stream: bool) -> None:
    clock, gate = FakeClock(), asyncio.Event()
    first, second = FakeProvider([Wait(gate), *message("late")]), FakeProvider(message("second"))
    async with running_proxy(first, second, clock=clock) as proxy, asyncio.TaskGroup() as group:
        asked = group.create_task(proxy.post(headers=SESSION, stream=stream))
        await first.wait_for_requests()
        clock.pass_time(9.9)
        assert await waiting(proxy) == []
        clock.pass_time(13.1)
        [wait] = await waiting(proxy)
        assert wait == {"provider": "minimax", "seconds": 23.0, "then": "moonshot", "session": "a-session"}
        assert await line(proxy) == ["waiting for minimax, 23 s, then moonshot"]
        gate.set()
        await (await asked).read()
        await proxy.ledger.wait_for_accounts(1)
        assert await waiting(proxy) == []


@async_test
async def test_a_stream_that_falls_silent_is_named_until_it_goes_on() -> None:
    clock, gate = FakeClock(), asyncio.Event()
    script: Script = [*opening("half"), Wait(gate), block_stop(), message_delta(), MESSAGE_STOP]
    async with running_proxy(FakeProvider(script), clock=clock) as proxy:
        answer = await proxy.post(headers=SESSION)
        assert await waiting(proxy) == []
        clock.pass_time(60)  # the silence begins with what was heard last
        [wait] = await waiting(proxy)
        assert (wait["provider"], wait["then"]) == ("minimax", "")
        gate.set()
        assert await complete_text(answer) == "half"
        await proxy.ledger.wait_for_accounts(1)
        assert await waiting(proxy) == []
