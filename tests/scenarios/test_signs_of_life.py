"""Pings, comments and half events are signs of life, but no answer: they keep nobody waiting for ever."""

from __future__ import annotations

import pytest

from claude_proxy.core.types import Ending
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import running_proxy, with_timeouts
from fakes.scripts import MESSAGE_STOP, PING, block_stop, message_delta, opening
from fakes.steps import Drip, Repeat, Step
from fakes.stream_checks import ending_of, text_of

SIGNS: dict[str, Step] = {
    "pings": Repeat(PING),
    "comments": Drip(b": here\n\n", 0.001),
    "an event without an end": Drip(b"data: x", 0.001),
}


@pytest.mark.parametrize("signs", SIGNS)
@async_test
async def test_after_the_commit_they_do_not_outlast_the_stall(signs: str) -> None:
    first = FakeProvider([*opening("half"), SIGNS[signs]])
    async with running_proxy(with_timeouts(first, stall=0.2)) as proxy:
        events = await (await proxy.post()).all_events()
        (account,) = await proxy.ledger.wait_for_accounts(1)
    assert ending_of(events) == "error"
    assert account.ending is Ending.STALLED


@pytest.mark.parametrize("signs", SIGNS)
@async_test
async def test_after_the_end_they_do_not_hold_it_up(signs: str) -> None:
    first = FakeProvider([*opening("whole"), block_stop(), message_delta(), MESSAGE_STOP, SIGNS[signs]])
    async with running_proxy(first) as proxy:
        events = await (await proxy.post()).all_events()
        (account,) = await proxy.ledger.wait_for_accounts(1)
    assert text_of(events) == "whole"
    assert account.ending is Ending.COMPLETE


@async_test
async def test_who_leaves_with_the_whole_answer_has_not_left() -> None:
    first = FakeProvider([*opening("whole"), block_stop(), message_delta(), MESSAGE_STOP, Repeat(PING)])
    async with running_proxy(first) as proxy:
        answer = await proxy.post()
        async for event in answer.events():
            if event.name == "message_stop":
                answer.hang_up()
                break
        (account,) = await proxy.ledger.wait_for_accounts(1)
    assert account.ending is Ending.COMPLETE
