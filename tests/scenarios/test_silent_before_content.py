"""Nothing meaningful comes: the client is kept alive with pings while failover goes on, still free."""

from __future__ import annotations

import asyncio

import pytest

from fakes.async_test import async_test
from fakes.client import StreamEvent
from fakes.provider import FakeProvider
from fakes.proxy import running_proxy, with_timeouts
from fakes.scripts import PING, error_event, message, message_start
from fakes.steps import Close, Cut, Drip, Head, Repeat, Script, Stall, Status, Stream, Wait
from fakes.stream_checks import complete_text, ending_of, names_of

SILENT = {
    "accepts and says nothing": [Stall()],
    "a head that drips for ever": [Head(200, {"content-type": "text/event-stream"}), Stall()],
    "a status line that never ends": [Drip(b"HTTP/1.1 200 OK\r\nx-a: b\r\n" + b"x-c: " * 1000)],
    "no event": [Stream(), Stall()],
    "message_start only": [Stream(), message_start(), Stall()],
    "pings for ever": [Stream(), message_start(), Repeat(PING)],
    "comments for ever": [Head(200, {"content-type": "text/event-stream"}), Drip(b": keep-alive\n\n")],
}


@pytest.mark.parametrize("script", SILENT.values(), ids=SILENT.keys())
@pytest.mark.parametrize("ping_after", [0.01, 60.0], ids=["pinged", "not pinged"])
@async_test
async def test_silence_before_content_fails_over(script: Script, ping_after: float) -> None:
    silent = FakeProvider(script)
    first = with_timeouts(silent, first_event=0.15, first_content=0.15)
    async with running_proxy(first, FakeProvider(message("hello")), ping_after=ping_after) as proxy:
        assert await complete_text(await proxy.post()) == "hello"
        await silent.wait_for_hang_ups()
        [account] = await proxy.ledger.wait_for_accounts(1)
        report = (await proxy.status())["minimax"]
    assert [attempt.provider for attempt in account.attempts] == ["minimax", "moonshot"]
    assert (report["state"], report["strikes"]) == ("cooldown", 1)


@async_test
async def test_sends_a_ping_first_if_the_commit_takes_long() -> None:
    gate = asyncio.Event()
    first = FakeProvider([Wait(gate), Cut()])
    async with running_proxy(first, FakeProvider(message("hello")), ping_after=0.01) as proxy:
        answer = await proxy.post()
        assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, "text/event-stream")
        events = answer.events()
        heard: list[StreamEvent] = [await anext(events)]
        assert heard[0].name == "ping"
        gate.set()
        heard += [event async for event in events]
    assert ending_of(heard) == "message_stop"
    assert names_of(heard)[0] == "message_start"


@async_test
async def test_names_the_provider_in_comments_if_the_head_was_sent_before() -> None:
    gate = asyncio.Event()
    first = FakeProvider([Wait(gate), Status(529)])
    async with running_proxy(first, FakeProvider(message("hello")), ping_after=0.01) as proxy:
        chunks = (await proxy.post()).chunks()
        heard = await anext(chunks)
        gate.set()
        heard += b"".join([chunk async for chunk in chunks])
    assert b"\n: x-claude-proxy-provider: moonshot\n" in heard
    assert b"\n: x-claude-proxy-attempts: minimax=529, moonshot=200\n" in heard


@pytest.mark.parametrize(
    "script",
    [
        pytest.param([Status(429)], id="a status"),
        pytest.param(error_event("overloaded_error"), id="an error event"),
        pytest.param([Stream(), message_start(), Close()], id="a broken stream"),
        pytest.param([Status(401)], id="a fault of the request"),
    ],
)
@async_test
async def test_if_all_fail_after_a_ping_the_client_gets_one_error_event(script: Script) -> None:
    gate = asyncio.Event()
    first = FakeProvider([Wait(gate), *script])
    async with running_proxy(first, ping_after=0.01) as proxy:
        events = (await proxy.post()).events()
        heard = [await anext(events)]
        gate.set()
        heard += [event async for event in events]
        [account] = await proxy.ledger.wait_for_accounts(1)
    assert ending_of(heard) == "error"
    assert names_of(heard) == ["error"]
    assert account.status == 200


@async_test
async def test_sends_no_ping_to_a_client_that_does_not_stream() -> None:
    first = with_timeouts(FakeProvider([Stall()]), first_content=0.2)
    async with running_proxy(first, FakeProvider([Status(400)]), ping_after=0.01) as proxy:
        assert (await proxy.post(stream=False)).status == 400
