"""A committed stream falls silent: pings fill the gap, and the stall timeout ends it."""

from __future__ import annotations

import asyncio

from claude_proxy.core.types import Ending
from fakes.grammar import ending_of, names_of, text_of
from fakes.provider import FakeProvider
from fakes.proxy import hasty, running_proxy
from fakes.scripts import MESSAGE_STOP, block_stop, message, message_delta, opening
from fakes.steps import Stall, Wait
from fakes.story import story


@story
async def test_the_stall_timeout_ends_it_with_an_error_event() -> None:
    first, second = FakeProvider([*opening("half"), Stall()]), FakeProvider(message("second"))
    async with running_proxy(hasty(first, stall=0.1), second) as proxy:
        events = await (await proxy.post()).all_events()
        await first.left()
        [account] = await proxy.ledger.holding(1)
        report = (await proxy.status())["minimax"]
    assert (text_of(events), ending_of(events)) == ("half", "error")
    assert events[-1].data["error"]["type"] == "overloaded_error"
    assert account.ending is Ending.STALLED
    assert (report["state"], report["strikes"]) == ("cooldown", 1)
    assert second.requests == []


@story
async def test_pings_fill_the_gap() -> None:
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


@story
async def test_a_stall_after_the_stop_reason_is_a_whole_answer() -> None:
    first = FakeProvider([*opening("whole"), block_stop(), message_delta(), Stall()])
    async with running_proxy(hasty(first, stall=0.1)) as proxy:
        events = await (await proxy.post()).all_events()
    assert (text_of(events), ending_of(events)) == ("whole", "message_stop")
