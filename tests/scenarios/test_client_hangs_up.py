"""The client leaves: the provider's connection is closed at once, and no provider gets a strike."""

from __future__ import annotations

import asyncio
import json

import pytest

from claude_proxy.core.types import Ending
from fakes.async_test import async_test
from fakes.client import Connection
from fakes.provider import FakeProvider
from fakes.proxy import PROMPT, TOKEN, RunningProxy, running_proxy
from fakes.scripts import MESSAGE_STOP, PING, block_stop, error_event, message, message_delta, message_start, opening
from fakes.steps import Head, Script, Stall, Stream, Wait, text_delta
from fakes.stream_checks import complete_text


async def send_prompt(proxy: RunningProxy, path: str = "/v1/messages", *, stream: bool = True) -> Connection:
    """Send a prompt, and do not wait for the answer."""
    connection = await proxy.connect()
    body = json.dumps({**PROMPT, "stream": stream}).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{proxy.port}\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    await connection.send(head.encode() + body)
    return connection


async def check_no_strike(proxy: RunningProxy) -> None:
    [account] = await proxy.ledger.wait_for_accounts(1)
    assert account.ending is Ending.CLIENT_LEFT
    for report in (await proxy.status()).values():
        assert (report["state"], report["strikes"]) == ("ready", 0)


@async_test
async def test_a_hang_up_in_the_middle_of_a_stream_closes_the_providers_connection() -> None:
    first, second = FakeProvider([*opening(), Stall()]), FakeProvider(message("second"))
    async with running_proxy(first, second) as proxy:
        answer = await proxy.post()
        assert answer.status == 200
        answer.hang_up()
        await first.wait_for_hang_ups()
        await check_no_strike(proxy)
        assert proxy.ledger.accounts[0].status == 200
    assert second.requests == []


@pytest.mark.parametrize(
    "script",
    [
        pytest.param([Stall()], id="the head"),
        pytest.param([Head(200, {"content-type": "text/event-stream"}), Stall()], id="the first event"),
        pytest.param([Stream(), message_start(), PING, Stall()], id="the first content"),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
@async_test
async def test_a_hang_up_before_the_answer_closes_the_providers_connection(script: Script, stream: bool) -> None:
    first, second = FakeProvider(script), FakeProvider(message("second"))
    async with running_proxy(first, second) as proxy:
        connection = await send_prompt(proxy, stream=stream)
        await first.wait_for_requests()
        connection.hang_up()
        await first.wait_for_hang_ups()
        await check_no_strike(proxy)
        assert proxy.ledger.accounts[0].status == 499
    assert second.requests == []


@async_test
async def test_a_hang_up_before_a_count_closes_the_providers_connection() -> None:
    first = FakeProvider([Stall()])
    async with running_proxy(first) as proxy:
        connection = await send_prompt(proxy, "/v1/messages/count_tokens")
        await first.wait_for_requests()
        connection.hang_up()
        await first.wait_for_hang_ups()
        await check_no_strike(proxy)
        assert (proxy.ledger.accounts[0].kind, proxy.ledger.accounts[0].status) == ("count_tokens", 499)


@async_test
async def test_a_hang_up_during_the_pings_closes_the_providers_connection() -> None:
    first, second = FakeProvider([Stream(), Stall()]), FakeProvider(message("second"))
    async with running_proxy(first, second, ping_after=0.01) as proxy:
        answer = await proxy.post()
        assert (await anext(answer.events())).name == "ping"
        answer.hang_up()
        await first.wait_for_hang_ups()
        await check_no_strike(proxy)
    assert second.requests == []


@async_test
async def test_a_hang_up_after_a_failover_closes_the_second_providers_connection() -> None:
    first, second = FakeProvider(error_event()), FakeProvider([*opening(), Stall()])
    async with running_proxy(first, second) as proxy:
        answer = await proxy.post()
        answer.hang_up()
        await second.wait_for_hang_ups()
        [account] = await proxy.ledger.wait_for_accounts(1)
        assert account.ending is Ending.CLIENT_LEFT
        status = await proxy.status()
    assert (status["minimax"]["strikes"], status["moonshot"]["strikes"]) == (1, 0)


@async_test
async def test_a_hang_up_before_the_body_is_whole_reaches_no_provider() -> None:
    first = FakeProvider(message("hello"))
    async with running_proxy(first) as proxy:
        connection = await proxy.connect()
        head = (
            f"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1:{proxy.port}\r\nAuthorization: Bearer {TOKEN}\r\n"
            "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n"
        )
        await connection.send(head.encode() + b'{"model":')
        connection.hang_up()
        assert (await proxy.post()).status == 200
    assert len(first.requests) == 1


@async_test
async def test_a_hang_up_of_one_client_disturbs_no_other() -> None:
    gate = asyncio.Event()
    rest = [text_delta(" world"), block_stop(), message_delta(), MESSAGE_STOP]
    first = FakeProvider([*opening("hello"), Wait(gate), *rest])
    async with running_proxy(first) as proxy:
        stays, leaves = await proxy.post(), await proxy.post()
        leaves.hang_up()
        await first.wait_for_hang_ups()
        gate.set()
        assert await complete_text(stays) == "hello world"
