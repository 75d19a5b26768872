"""The proxy is told to stop: requests in flight are finished first, unless force is used."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest

from claude_proxy.core.types import Ending
from fakes.async_test import async_test, run_ready_callbacks
from fakes.provider import FakeProvider
from fakes.proxy import PROMPT, TOKEN, running_proxy
from fakes.raw_client import RawClient
from fakes.scripts import MESSAGE_STOP, block_stop, message, message_delta, opening
from fakes.steps import Stall, Wait, text_delta
from fakes.stream_checks import complete_text, ending_of

REST = [block_stop(), message_delta(), MESSAGE_STOP]
BODY = json.dumps({**PROMPT, "stream": True}).encode()
REQUEST = (
    f"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n"
    f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
).encode() + BODY


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


@pytest.mark.parametrize("busy", [True, False], ids=["busy", "idle"])
@pytest.mark.parametrize("turns", range(-2, 5))
@async_test
async def test_a_request_that_comes_as_the_proxy_begins_to_stop_is_answered_or_not_taken(
    turns: int, busy: bool
) -> None:
    """So many turns of the loop before, when its connection may have been accepted and not be known yet, or after."""
    if isinstance(asyncio.get_running_loop(), asyncio.BaseEventLoop):
        pytest.skip("Python's own loop forgets a connection that it accepts just before its server is closed")
    gate, first = asyncio.Event(), asyncio.Event()
    answer = [*opening("hel"), Wait(gate), text_delta("lo"), *REST]
    provider = FakeProvider([*opening("first"), Wait(first), *REST], answer) if busy else FakeProvider(answer)
    async with running_proxy(provider) as proxy:
        in_flight = await proxy.post() if busy else None
        with socket.socket() as client:
            if turns < 0:
                proxy.proxy.stop_soon(force=False)
                await run_ready_callbacks(-turns - 1)
            client.connect(("127.0.0.1", proxy.port))
            client.sendall(REQUEST)
            client.setblocking(False)
            if turns >= 0:
                await run_ready_callbacks(turns)
                proxy.proxy.stop_soon(force=False)
            await run_ready_callbacks()
            first.set()
            if in_flight:
                assert await complete_text(in_flight) == "first"
            await run_ready_callbacks()
            gate.set()
            await proxy.proxy.wait()
            received = await RawClient(client).read_to_end()
        assert not received or received.endswith(b'data: {"type":"message_stop"}\n\n\r\n0\r\n\r\n')
        assert [account.ending for account in proxy.ledger.accounts] == [Ending.COMPLETE] * len(provider.requests)


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
