"""Clients that never read: they are ended after a while without progress, and hold nothing for longer than that."""

from __future__ import annotations

import asyncio
import json
import select
import socket
import sys

import pytest

from claude_proxy.core.types import Ending
from claude_proxy.net.client_connection import ClientConnection
from fakes.async_test import async_test, on_both_loops, run_ready_callbacks
from fakes.client import PATIENCE
from fakes.provider import FakeProvider
from fakes.proxy import PROMPT, TOKEN, RunningProxy, running_proxy
from fakes.raw_client import RawClient, raw_client
from fakes.scripts import MESSAGE_STOP, block_stop, message, message_delta, opening
from fakes.steps import Script, Status, text_delta
from fakes.stream_checks import complete_text

LARGE = "x" * 60_000
FLOOD = [*opening(""), *[text_delta(LARGE)] * 600]
"""36 MB: more than all the sockets on the way hold."""

WHOLE = [
    Status(
        200,
        json.dumps(
            {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": "m",
                "content": [{"type": "text", "text": LARGE * 300}],
                "stop_reason": "end_turn",
                "usage": {"input_tokens": 1, "output_tokens": 1},
            }
        ).encode(),
    )
]


def prompt(*, stream: bool = True) -> bytes:
    body = json.dumps({**PROMPT, "stream": stream}).encode()
    head = (
        f"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@pytest.fixture
def with_little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ClientConnection, "patience", 0.2)


async def stopped(proxy: RunningProxy) -> None:
    async with asyncio.timeout(PATIENCE):
        await proxy.proxy.wait()


@pytest.mark.parametrize(
    "script", [FLOOD, [*FLOOD, block_stop(), message_delta(), MESSAGE_STOP]], ids=["cut", "complete"]
)
@pytest.mark.usefixtures("with_little_patience")
@on_both_loops
async def test_a_client_that_reads_nothing_of_its_stream_is_ended(script: Script) -> None:
    provider = FakeProvider(script)
    async with running_proxy(provider) as proxy, raw_client(proxy.port) as client:
        await client.send_all(prompt())
        await provider.wait_for_hang_ups()
        [account] = await proxy.ledger.wait_for_accounts(1)
        assert account.ending is Ending.CLIENT_LEFT
        assert (await proxy.status())["minimax"]["strikes"] == 0


@pytest.mark.usefixtures("with_little_patience")
@on_both_loops
async def test_a_client_that_reads_nothing_of_a_whole_answer_is_ended() -> None:
    async with running_proxy(FakeProvider(WHOLE)) as proxy, raw_client(proxy.port) as client:
        await client.send_all(prompt(stream=False))
        await proxy.ledger.wait_for_accounts(1)
        assert len(await client.read_to_end()) < len(LARGE) * 300


@pytest.mark.usefixtures("with_little_patience")
@on_both_loops
async def test_a_client_that_asks_again_and_again_and_reads_nothing_is_ended() -> None:
    request = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: %b\r\n\r\n" % (b"x" * 1000)
    async with running_proxy(FakeProvider(message("hello"))) as proxy, raw_client(proxy.port) as client:
        async with asyncio.timeout(PATIENCE):
            while await client.send_until_stuck(request * 1000, 100_000_000):
                pass
        assert (await proxy.ask("GET", "/health")).status == 200


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the state of a connection that is not read")
@pytest.mark.parametrize(("script", "stream"), [(FLOOD, True), (WHOLE, False)])
@pytest.mark.usefixtures("with_little_patience")
@on_both_loops
async def test_the_system_holds_nothing_of_the_answer_for_a_client_that_was_ended(script: Script, stream: bool) -> None:
    """Else it would try for minutes to deliver what it holds, which is megabytes."""
    async with running_proxy(FakeProvider(script)) as proxy, raw_client(proxy.port) as client:
        await client.send_all(prompt(stream=stream))
        await proxy.ledger.wait_for_accounts(1)
        await run_ready_callbacks()
        assert is_reset(client.socket)


def is_reset(connected: socket.socket) -> bool:
    """Whether the other end has given the connection up; that needs no reading."""
    poll = select.poll()
    poll.register(connected.fileno(), select.POLLERR)
    return bool(poll.poll(0))


@async_test
async def test_a_client_that_reads_slowly_gets_all_of_its_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """For longer than the patience, a little at a time: each time the provider's next piece is let through.

    The system lets more through only once a third of what it holds is read: some 20 pieces.
    """
    monkeypatch.setattr(ClientConnection, "patience", 1.0)
    pieces = 240
    provider = FakeProvider([*opening(""), *[text_delta(LARGE)] * pieces, block_stop(), message_delta(), MESSAGE_STOP])
    async with running_proxy(provider) as proxy:
        connection = await proxy.connect(receive_buffer=4096)
        answer = await proxy.post(connection=connection)
        events = []
        async for event in answer.events():
            events.append(event)
            await asyncio.sleep(0.005)
        assert events[-1].name == "message_stop"
        assert sum(len(event.data["delta"]["text"]) for event in events if event.name == "content_block_delta") == (
            pieces * len(LARGE)
        )


async def stall(proxy: RunningProxy, client: RawClient, sent: bytes) -> None:
    """Send this, and wait until the answer is stuck."""
    await client.send_all(sent)
    await proxy.ask("GET", "/health")
    await run_ready_callbacks()


@pytest.mark.parametrize("stream", [True, False])
@on_both_loops
async def test_a_forced_stop_does_not_wait_for_a_client_that_reads_nothing(stream: bool) -> None:
    async with running_proxy(FakeProvider(FLOOD if stream else WHOLE)) as proxy, raw_client(proxy.port) as client:
        await stall(proxy, client, prompt(stream=stream))
        await proxy.ask("POST", "/admin/stop", b'{"force": true}')
        await stopped(proxy)


@on_both_loops
async def test_a_forced_stop_does_not_wait_for_a_client_that_asks_and_reads_nothing() -> None:
    async with running_proxy(FakeProvider(message("hello"))) as proxy, raw_client(proxy.port) as client:
        await client.send_until_stuck(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 1000, 100_000_000)
        await proxy.ask("POST", "/admin/stop", b'{"force": true}')
        await stopped(proxy)


@pytest.mark.usefixtures("with_little_patience")
@async_test
async def test_a_stop_drains_although_a_client_reads_nothing() -> None:
    provider = FakeProvider(FLOOD, message("hello"))
    async with running_proxy(provider) as proxy, raw_client(proxy.port) as client:
        await stall(proxy, client, prompt())
        assert await complete_text(await proxy.post()) == "hello"
        await proxy.ask("POST", "/admin/stop", b'{"force": false}')
        await stopped(proxy)
