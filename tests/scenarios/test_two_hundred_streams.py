"""Two hundred streams at once with random faults: each ends in exactly one of the allowed ways, and nothing leaks."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import pytest

from claude_proxy.core.types import Ending
from fakes.async_test import async_test
from fakes.client import StreamEvent
from fakes.provider import FakeProvider
from fakes.proxy import RunningProxy, running_proxy, with_timeouts
from fakes.scripts import (
    PING,
    error_event,
    message,
    message_delta,
    message_start,
    opening,
    stream_error,
    thinking_then_text,
)
from fakes.server_connection import Request
from fakes.steps import Close, Cut, Head, Script, Stall, Status, Stream, Text
from fakes.stream_checks import COMPLETE, ending_of, text_of

STREAMS = 200
TEXT = "all is well"
STREAM_HEAD = {"content-type": "text/event-stream"}

HEALTHY: Sequence[Script] = (
    message(TEXT, deltas=11),
    thinking_then_text("hm", TEXT),
    [Stream(), message_start(), Text(TEXT), message_delta()],
)
FREE_FAULTS: Sequence[Script] = (
    [Status(429)],
    [Status(429, headers={"retry-after": "0"})],
    [Status(500)],
    [Status(529)],
    [Cut()],
    [Close()],
    [Stall()],
    [Stream(), PING, Stall()],
    [Stream(), message_start(), Cut()],
    [Head(200, STREAM_HEAD), Close()],
    [Status(200, b"<html></html>", {"content-type": "text/html"})],
    error_event("overloaded_error"),
    error_event("rate_limit_error"),
)
LATE_FAULTS: Sequence[Script] = (
    [*opening("all is"), Cut()],
    [*opening("all is"), Close()],
    [*opening("all is"), Stall()],
    [*opening("all is"), stream_error("api_error")],
)
FAULTS_OF_THE_REQUEST: Sequence[Script] = ([Status(400)], [Status(413)])


def dice_of(seed: float) -> Random:
    return Random(seed)  # noqa: S311 - a seed makes a failure repeatable


@dataclass(slots=True)
class Moody:
    """Answers well, or breaks in a way drawn from a seed."""

    dice: Random

    def __call__(self, request: Request) -> Script:
        draw = self.dice.random()
        for share, scripts in ((0.4, HEALTHY), (0.75, FREE_FAULTS), (0.97, LATE_FAULTS), (1.0, FAULTS_OF_THE_REQUEST)):
            if draw < share:
                return self.dice.choice(scripts)
        raise AssertionError(draw)


async def one_client(proxy: RunningProxy, dice: Random) -> str:
    """Ask, and return how it ended: `complete`, `error event`, `error status` or `left`. Anything else fails."""
    connection = await proxy.connect()
    leaves_after = dice.randrange(1, 6) if dice.random() < 0.15 else None
    try:
        answer = await proxy.post(connection=connection)
        if answer.status != 200:
            assert (await answer.json())["type"] == "error"
            return "error status"
        events: list[StreamEvent] = []
        async for event in answer.events():
            events.append(event)
            if len(events) == leaves_after:
                connection.hang_up()
                return "left"
    finally:
        await connection.close()
    if ending_of(events) == COMPLETE:
        assert text_of(events) == TEXT
        return "complete"
    assert TEXT.startswith(text_of(events))
    return "error event"


@pytest.mark.parametrize("seed", [1, 2, 3])
@async_test
async def test_each_of_two_hundred_streams_ends_in_an_allowed_way(seed: int) -> None:
    dice = dice_of(seed)
    fakes = [FakeProvider(Moody(dice_of(dice.random()))) for _ in range(3)]
    hurried = [with_timeouts(fake, first_event=0.3, first_content=0.3, stall=0.3) for fake in fakes]
    async with running_proxy(*hurried, ping_after=0.1, cooldown=0.05) as proxy:
        async with asyncio.TaskGroup() as group:
            clients = [group.create_task(one_client(proxy, dice_of(dice.random()))) for _ in range(STREAMS)]
        endings = Counter(client.result() for client in clients)
        accounts = await proxy.ledger.wait_for_accounts(STREAMS)
        for report in (await proxy.status()).values():
            assert report["state"] != "probing"
    assert len(accounts) == STREAMS
    assert endings.keys() <= {"complete", "error event", "error status", "left"}
    assert endings["complete"] > endings["left"] > 0
    kinds = Counter(account.ending for account in accounts)
    assert kinds[Ending.COMPLETE] + kinds[Ending.RECOVERED] >= endings["complete"]
    assert kinds[Ending.RECOVERED] > 0
    assert kinds[Ending.CLIENT_LEFT] <= endings["left"]
