"""A committed stream falls silent: pings fill the gap, and the stall timeout ends it."""

from __future__ import annotations

import asyncio

from claude_proxy.core.types import Ending
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import running_proxy, with_timeouts
from fakes.scripts import MESSAGE_STOP, block_stop, message, message_delta, opening
from fakes.steps import Stall, Wait
from fakes.stream_checks import ending_of, names_of, text_of


@async_test
async def test_a_stall_ends_the_stream_with_an_error_event() -> None:
    first, second = FakeProvider([*opening("half"), Stall()]), FakeProvider(message("second"))
    async with running_proxy(with_timeouts(first, stall=0.1), second, continue_answers=False) as proxy:
        events = await (await proxy.post()).all_events()
        await first.wait_for_hang_ups()
        [account] = await proxy.ledger.wait_for_accounts(1)
        report = (await proxy.status())["minimax"]
    assert (text_of(events), ending_of(events)) == ("half", "error")
    assert events[-1].data["error"]["type"] == "overloaded_error"
    assert account.ending is Ending.STALLED
    assert (report["state"], report["strikes"]) == ("cooldown", 1)
    assert second.requests == []


@async_test
async def test_sends_pings_during_a_gap() -> None:
    gate = asyncio.Event()
    rest = [block_stop(), message_delta(), MESSAGE_STOP]
    first = FakeProvider([*opening("half"), Wait(gate), *rest])
    async with running_proxy(first, ping_interval=0.02) as proxy:
        events = (await proxy.post()).events()
        heard = []
        async for event in events:
            heard.append(event)
            if [one.name for one in heard].count("ping") == 2:
                gate.set()
    assert ending_of(heard) == "message_stop"
    assert names_of(heard)[2:4] == ["content_block_delta", "content_block_stop"]


@async_test
async def test_a_stall_after_the_stop_reason_is_a_whole_answer() -> None:
    first = FakeProvider([*opening("whole"), block_stop(), message_delta(), Stall()])
    async with running_proxy(with_timeouts(first, stall=0.1)) as proxy:
        events = await (await proxy.post()).all_events()
    assert (text_of(events), ending_of(events)) == ("whole", "message_stop")
