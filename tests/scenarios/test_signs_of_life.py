"""Pings, comments and half events are signs of life, but no answer: no client waits for ever because of them."""

from __future__ import annotations

import asyncio

import pytest

from claude_proxy.core.types import Ending
from fakes.async_test import async_test
from fakes.client import StreamEvent
from fakes.clock import FakeClock
from fakes.provider import FakeProvider
from fakes.proxy import running_proxy, with_timeouts
from fakes.scripts import MESSAGE_STOP, PING, block_stop, message, message_delta, message_start, opening
from fakes.server import PATIENCE
from fakes.steps import Body, Drip, Event, Reached, Repeat, Stall, Step, Stream, Wait, text_delta
from fakes.stream_checks import complete_text, ending_of, text_of

SIGNS: dict[str, Step] = {
    "pings": Repeat(PING),
    "comments": Drip(b": here\n\n", 0.001),
    "an event without an end": Drip(b"data: x", 0.001),
}


@pytest.mark.parametrize("signs", SIGNS)
@async_test
async def test_signs_of_life_alone_end_the_answer_after_the_time_for_content(signs: str) -> None:
    first = FakeProvider([*opening("half"), SIGNS[signs]])
    async with running_proxy(with_timeouts(first, first_content=0.3)) as proxy:
        events = await (await proxy.post()).all_events()
        (account,) = await proxy.ledger.wait_for_accounts(1)
    assert ending_of(events) == "error"
    assert account.ending is Ending.STALLED


async def reached(mark: asyncio.Event) -> None:
    async with asyncio.timeout(PATIENCE):
        await mark.wait()


LIFE: dict[str, Step] = {"a ping": PING, "a comment": Body(b": here\n\n"), "a part of a comment": Body(b": he")}


@pytest.mark.parametrize("sign", LIFE)
@pytest.mark.parametrize("begun", [True, False], ids=["after content", "before content"])
@async_test
async def test_signs_of_life_end_a_silence_however_long_they_go_on(begun: bool, sign: str) -> None:
    clock, gates = FakeClock(), [asyncio.Event() for _ in range(11)]
    marks = [asyncio.Event() for _ in gates]
    start = opening("half") if begun else opening("half")[:-1]
    life = list[Step]()
    for gate, mark in zip(gates, marks, strict=True):
        life += [LIFE[sign], Reached(mark), Wait(gate)]
    end: list[Step] = [Body(b"\n\n")] if sign == "a part of a comment" else []
    rest: list[Step] = [*end, text_delta(" whole"), block_stop(), message_delta(), MESSAGE_STOP]
    first = with_timeouts(FakeProvider([*start, *life, *rest]), first_event=60, first_content=600, stall=60)
    async with running_proxy(first, clock=clock, ping_after=0.01, ping_interval=0.01) as proxy:
        answer = await proxy.post()
        for gate, mark in zip(gates, marks, strict=True):
            await reached(mark)
            clock.pass_time(50)
            gate.set()
        events = await answer.all_events()
        (account,) = await proxy.ledger.wait_for_accounts(1)
    assert (text_of(events), ending_of(events)) == ("half whole" if begun else " whole", "message_stop")
    assert account.ending is Ending.COMPLETE


@pytest.mark.parametrize("content", [text_delta("more"), block_stop()], ids=["a delta", "the end of a block"])
@async_test
async def test_each_piece_of_content_gives_the_time_for_content_anew(content: Event) -> None:
    clock, gates, marks = FakeClock(), [asyncio.Event(), asyncio.Event()], [asyncio.Event(), asyncio.Event()]
    waits: list[list[Step]] = [[Reached(mark), Wait(gate)] for gate, mark in zip(gates, marks, strict=True)]
    rest: list[Step] = [*([] if content == block_stop() else [block_stop()]), message_delta(), MESSAGE_STOP]
    first = FakeProvider([*opening("half"), *waits[0], content, *waits[1], *rest])
    async with running_proxy(with_timeouts(first, first_content=600, stall=60), clock=clock) as proxy:
        events = (await proxy.post()).events()
        heard: list[StreamEvent] = []
        for gate, mark in zip(gates, marks, strict=True):
            await reached(mark)
            while len(heard) < 3 + gates.index(gate):
                heard += [event for event in [await anext(events)] if event.name != "ping"]
            clock.pass_time(400)
            gate.set()
        heard += [event async for event in events]
    assert ending_of(heard) == "message_stop"


@async_test
async def test_a_silence_before_content_fails_over_however_long_content_may_take() -> None:
    silent = FakeProvider([Stream(), message_start(), Stall()])
    first = with_timeouts(silent, first_content=600, stall=0.15)
    async with running_proxy(first, FakeProvider(message("hello"))) as proxy:
        assert await complete_text(await proxy.post()) == "hello"
        [account] = await proxy.ledger.wait_for_accounts(1)
    assert account.attempts[0].outcome == "stalled"


@pytest.mark.parametrize("signs", SIGNS)
@async_test
async def test_signs_of_life_after_message_stop_do_not_delay_the_end(signs: str) -> None:
    first = FakeProvider([*opening("whole"), block_stop(), message_delta(), MESSAGE_STOP, SIGNS[signs]])
    async with running_proxy(first) as proxy:
        events = await (await proxy.post()).all_events()
        (account,) = await proxy.ledger.wait_for_accounts(1)
    assert text_of(events) == "whole"
    assert account.ending is Ending.COMPLETE


@async_test
async def test_a_client_that_hangs_up_after_message_stop_is_recorded_as_complete() -> None:
    first = FakeProvider([*opening("whole"), block_stop(), message_delta(), MESSAGE_STOP, Repeat(PING)])
    async with running_proxy(first) as proxy:
        answer = await proxy.post()
        async for event in answer.events():
            if event.name == "message_stop":
                answer.hang_up()
                break
        (account,) = await proxy.ledger.wait_for_accounts(1)
    assert account.ending is Ending.COMPLETE
