"""A client reads slowly: the provider is made to wait, and the proxy's memory does not grow."""

from __future__ import annotations

import asyncio

from fakes.async_test import async_test, run_ready_callbacks
from fakes.provider import FakeProvider
from fakes.proxy import running_proxy
from fakes.scripts import MESSAGE_STOP, block_stop, message, message_delta, opening
from fakes.steps import Reached, text_delta
from fakes.stream_checks import complete_text, ending_of, text_of

PIECE = "x" * 60_000
PIECES = 600
"""36 MB in all: far more than what the sockets between provider and client hold by themselves."""

MAX_ON_THE_WAY = 16_000_000


def flood(through: asyncio.Event) -> FakeProvider:
    pieces = [text_delta(PIECE)] * PIECES
    return FakeProvider(
        [*opening(""), *pieces, Reached(through), block_stop(), message_delta(), MESSAGE_STOP], message("second")
    )


@async_test
async def test_a_slow_client_slows_its_provider_and_loses_nothing() -> None:
    through = asyncio.Event()
    provider = flood(through)
    async with running_proxy(provider) as proxy:
        connection = await proxy.connect(receive_buffer=16384)
        answer = await proxy.post(connection=connection)
        await run_ready_callbacks()
        assert not through.is_set()
        assert provider.bytes_sent < MAX_ON_THE_WAY
        events = await answer.all_events()
    assert ending_of(events) == "message_stop"
    assert len(text_of(events)) == PIECES * len(PIECE)


@async_test
async def test_serves_other_clients_while_one_is_slow() -> None:
    provider = flood(asyncio.Event())
    async with running_proxy(provider) as proxy:
        slow = await proxy.post(connection=await proxy.connect(receive_buffer=16384))
        await run_ready_callbacks()
        assert await complete_text(await proxy.post()) == "second"
        slow.hang_up()
        await provider.wait_for_hang_ups()


@async_test
async def test_a_client_that_reads_nothing_is_no_strike() -> None:
    provider = flood(asyncio.Event())
    async with running_proxy(provider) as proxy:
        slow = await proxy.post(connection=await proxy.connect(receive_buffer=16384))
        await run_ready_callbacks()
        slow.hang_up()
        [account] = await proxy.ledger.wait_for_accounts(1)
        assert (await proxy.status())["minimax"]["strikes"] == 0
    assert account.ending.value == "client_left"
