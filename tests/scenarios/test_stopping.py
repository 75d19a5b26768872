"""The proxy is told to stop: requests in flight are finished first, unless force is used."""

from __future__ import annotations

import asyncio

import pytest

from claude_proxy.core.types import Ending
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import running_proxy
from fakes.scripts import MESSAGE_STOP, block_stop, message, message_delta, opening
from fakes.steps import Stall, Wait
from fakes.stream_checks import complete_text, ending_of

REST = [block_stop(), message_delta(), MESSAGE_STOP]


@async_test
async def test_a_stop_finishes_a_stream_in_flight() -> None:
    gate = asyncio.Event()
    async with running_proxy(FakeProvider([*opening("hello"), Wait(gate), *REST])) as proxy:
        answer = await proxy.post()
        stopping = await proxy.ask("POST", "/admin/stop", b'{"force": false}')
        assert (stopping.status, await stopping.json()) == (202, {"in_flight": 1})
        gate.set()
        assert await complete_text(answer) == "hello"
        await proxy.proxy.wait()
        with pytest.raises(OSError):
            await proxy.connect()


@async_test
async def test_a_forced_stop_ends_a_stream_in_flight() -> None:
    fake = FakeProvider([*opening("hello"), Stall()])
    async with running_proxy(fake) as proxy:
        answer = await proxy.post()
        stopping = await proxy.ask("POST", "/admin/stop", b'{"force": true}')
        assert (stopping.status, await stopping.json()) == (202, {"in_flight": 1})
        events = await answer.all_events()
        assert ending_of(events) == "error"
        assert events[-1].data["error"]["type"] == "overloaded_error"
        await fake.wait_for_hang_ups()
        await proxy.proxy.wait()
        (account,) = proxy.ledger.accounts
        assert (account.ending, account.status) == (Ending.ERROR, 200)


@async_test
async def test_a_forced_stop_answers_a_client_that_waits() -> None:
    fake = FakeProvider([Stall()])
    async with running_proxy(fake) as proxy:
        asking = asyncio.get_running_loop().create_task(proxy.post())
        await fake.wait_for_requests()
        await proxy.ask("POST", "/admin/stop", b'{"force": true}')
        answer = await asking
        assert (answer.status, (await answer.json())["error"]["type"]) == (529, "overloaded_error")
        await proxy.proxy.wait()
        (account,) = proxy.ledger.accounts
        assert (account.ending, account.status) == (Ending.ERROR, 529)


@async_test
async def test_a_forced_stop_records_a_waiting_count_as_an_error() -> None:
    fake = FakeProvider([Stall()])
    async with running_proxy(fake) as proxy:
        asking = asyncio.get_running_loop().create_task(proxy.post("/v1/messages/count_tokens"))
        await fake.wait_for_requests()
        await proxy.ask("POST", "/admin/stop", b'{"force": true}')
        answer = await asking
        assert (answer.status, (await answer.json())["error"]["type"]) == (529, "overloaded_error")
        await proxy.proxy.wait()
        (account,) = proxy.ledger.accounts
        assert (account.kind, account.ending, account.status) == ("count_tokens", Ending.ERROR, 529)


@async_test
async def test_an_idle_proxy_stops_at_once() -> None:
    async with running_proxy(FakeProvider(message("hello"))) as proxy:
        kept = await proxy.connect()
        assert await complete_text(await proxy.post(connection=kept)) == "hello"
        assert await (await proxy.ask("POST", "/admin/stop", b'{"force": false}')).json() == {"in_flight": 0}
        await proxy.proxy.wait()
        assert await kept.read_to_end() == b""


@pytest.mark.parametrize("headers", [{"Authorization": ""}, {"Origin": "http://evil.example"}, {"Content-Type": ""}])
@async_test
async def test_refuses_a_stop_that_fails_the_guard(headers: dict[str, str]) -> None:
    async with running_proxy(FakeProvider(message("hello"))) as proxy:
        assert (await proxy.ask("POST", "/admin/stop", b'{"force": true}', headers=headers)).status >= 400
        assert await complete_text(await proxy.post()) == "hello"
