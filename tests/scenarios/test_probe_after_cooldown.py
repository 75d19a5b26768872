"""A cooldown is over: one request is the probe, the others skip the provider until it is judged."""

from __future__ import annotations

import asyncio

import pytest

from fakes.async_test import async_test
from fakes.clock import FakeClock
from fakes.provider import FakeProvider
from fakes.proxy import running_proxy
from fakes.scripts import message
from fakes.steps import Status, Wait
from fakes.stream_checks import complete_text

FIRST_COOLDOWN = 15.0


@async_test
async def test_one_request_probes_and_the_others_skip_the_provider() -> None:
    gate, clock = asyncio.Event(), FakeClock()
    first = FakeProvider([Status(529)], [Wait(gate), *message("first")], message("first"))
    second = FakeProvider(message("second"))
    async with running_proxy(first, second, clock=clock) as proxy, asyncio.TaskGroup() as group:
        assert await complete_text(await proxy.post()) == "second"
        clock.pass_time(FIRST_COOLDOWN)
        probe = group.create_task(proxy.post())
        await first.wait_for_requests(2)
        assert (await proxy.status())["minimax"]["state"] == "probing"
        for _ in range(3):
            assert await complete_text(await proxy.post()) == "second"
        gate.set()
        assert await complete_text(await probe) == "first"
        assert await complete_text(await proxy.post()) == "first"
        assert (await proxy.status())["minimax"]["strikes"] == 0
    assert len(first.requests) == 3


@async_test
async def test_a_probe_that_fails_doubles_the_cooldown() -> None:
    clock = FakeClock()
    first = FakeProvider([Status(529)], [Status(529)], message("first"))
    async with running_proxy(first, FakeProvider(message("second")), clock=clock) as proxy:
        for rest in (FIRST_COOLDOWN, 2 * FIRST_COOLDOWN):
            assert await complete_text(await proxy.post()) == "second"
            clock.pass_time(rest - 1)
            assert await complete_text(await proxy.post()) == "second"
            clock.pass_time(1)
        assert await complete_text(await proxy.post()) == "first"
    assert len(first.requests) == 3


@pytest.mark.parametrize("hangs_up", [True, False])
@async_test
async def test_a_probe_that_is_never_judged_lets_the_next_request_probe(hangs_up: bool) -> None:
    gate, clock = asyncio.Event(), FakeClock()
    unjudged = [Wait(gate)] if hangs_up else [Status(400)]
    first = FakeProvider([Status(529)], unjudged, message("first"))
    second = FakeProvider(message("second"))
    async with running_proxy(first, second, clock=clock) as proxy, asyncio.TaskGroup() as group:
        assert await complete_text(await proxy.post()) == "second"
        clock.pass_time(FIRST_COOLDOWN)
        connection = await proxy.connect()
        asking = group.create_task(proxy.post(connection=connection))
        await first.wait_for_requests(2)
        if hangs_up:
            asking.cancel()
            connection.hang_up()
            await first.wait_for_hang_ups()
        else:
            assert (await asking).status == 400
        await proxy.ledger.wait_for_accounts(2)
        assert await complete_text(await proxy.post()) == "first"


@async_test
async def test_a_late_answer_from_before_the_cooldown_changes_nothing() -> None:
    gate, clock = asyncio.Event(), FakeClock()
    first = FakeProvider([Wait(gate), *message("late")], [Status(529)], message("first"))
    second = FakeProvider(message("second"))
    async with running_proxy(first, second, clock=clock) as proxy, asyncio.TaskGroup() as group:
        late = group.create_task(proxy.post())
        await first.wait_for_requests(1)
        assert await complete_text(await proxy.post()) == "second"
        gate.set()
        assert await complete_text(await late) == "late"
        await proxy.ledger.wait_for_accounts(2)
        assert (await proxy.status())["minimax"]["state"] == "cooldown"
        assert await complete_text(await proxy.post()) == "second"


@async_test
async def test_strikes_in_a_row_last_at_most_the_users_cooldown() -> None:
    clock = FakeClock()
    first = FakeProvider([Status(529)])
    async with running_proxy(first, FakeProvider(message("second")), clock=clock, cooldown=20.0) as proxy:
        for _ in range(4):
            assert await complete_text(await proxy.post()) == "second"
            clock.pass_time(20.0)
    assert len(first.requests) == 4
