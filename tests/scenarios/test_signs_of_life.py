"""Pings, comments and half events are signs of life, but no answer: no client waits for ever because of them."""

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
async def test_signs_of_life_after_the_commit_do_not_extend_the_stall_timeout(signs: str) -> None:
    first = FakeProvider([*opening("half"), SIGNS[signs]])
    async with running_proxy(with_timeouts(first, stall=0.2)) as proxy:
        events = await (await proxy.post()).all_events()
        (account,) = await proxy.ledger.wait_for_accounts(1)
    assert ending_of(events) == "error"
    assert account.ending is Ending.STALLED


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
