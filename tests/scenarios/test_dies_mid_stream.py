"""A stream dies and its answer is not gone on with: it ends with one error event and a clean end of the body."""

from __future__ import annotations

import asyncio

import pytest

from claude_proxy.core.types import Ending
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import running_proxy
from fakes.scripts import block_stop, message, opening, stream_error
from fakes.steps import Body, Close, Cut, Raw, Stall, Step, Wait
from fakes.stream_checks import ending_of, names_of, text_of

HALF_AN_EVENT = Raw(b"14\r\nevent: content_block\r\n")


@pytest.mark.parametrize(
    "death",
    [
        pytest.param([Cut()], id="reset"),
        pytest.param([Close()], id="closed within the chunked body"),
        pytest.param([], id="body ended in order, but without a stop reason"),
        pytest.param([block_stop()], id="ended between two blocks"),
        pytest.param([HALF_AN_EVENT, Cut()], id="reset within an event"),
        pytest.param([HALF_AN_EVENT, Raw(b"0\r\n\r\n"), Close()], id="ended within an event"),
        pytest.param([Raw(b"zz\r\n"), Close()], id="not a chunk"),
        pytest.param([Body(b"event: ping\ndata: " + b"x" * 20_000_000), Stall()], id="an event without end"),
    ],
)
@async_test
async def test_a_stream_that_dies_ends_with_one_error_event(death: list[Step]) -> None:
    gate = asyncio.Event()
    first, second = FakeProvider([*opening("half"), Wait(gate), *death]), FakeProvider(message("second"))
    async with running_proxy(first, second, continue_answers=False) as proxy:
        answer = await proxy.post()
        events = []
        async for event in answer.events():
            events.append(event)
            if event.name == "content_block_delta":
                gate.set()
        assert text_of(events) == "half"
        assert ending_of(events) == "error"
        assert events[-1].data["error"]["type"] == "overloaded_error"
        [account] = await proxy.ledger.wait_for_accounts(1)
        report = (await proxy.status())["minimax"]
    assert account.ending is Ending.TRUNCATED
    assert (report["state"], report["strikes"]) == ("cooldown", 1)
    assert second.requests == []


@async_test
async def test_the_clients_connection_serves_the_next_request_after_a_stream_that_died() -> None:
    first, second = FakeProvider([*opening("half"), Close()]), FakeProvider(message("second"))
    async with running_proxy(first, second, continue_answers=False) as proxy:
        connection = await proxy.connect()
        assert ending_of(await (await proxy.post(connection=connection)).all_events()) == "error"
        again = await proxy.post(connection=connection)
        assert text_of(await again.all_events()) == "second"


@async_test
async def test_relays_the_providers_error_event_and_adds_none() -> None:
    first = FakeProvider([*opening("half"), stream_error("api_error", "its own words")])
    async with running_proxy(first, FakeProvider(message("second")), continue_answers=False) as proxy:
        events = await (await proxy.post()).all_events()
        [account] = await proxy.ledger.wait_for_accounts(1)
        report = (await proxy.status())["minimax"]
    assert names_of(events) == ["message_start", "content_block_start", "content_block_delta", "error"]
    assert events[-1].data["error"] == {"type": "api_error", "message": "its own words"}
    assert account.ending is Ending.ERROR
    assert report["strikes"] == 1
