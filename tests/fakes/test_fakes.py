"""The fakes themselves: they notice what is wrong, or the tests with them would prove nothing."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from fakes.async_test import async_test, on_both_loops
from fakes.client import BrokenError, Connection, MalformedError, StreamEvent
from fakes.provider import FakeProvider
from fakes.scripts import (
    MESSAGE_STOP,
    PING,
    block_start,
    block_stop,
    message,
    message_delta,
    message_start,
    opening,
    stream_error,
    thinking_then_text,
    tool_use,
)
from fakes.server import FakeServer
from fakes.server_connection import BadRequestError, ServerConnection
from fakes.steps import Body, Close, Cut, Event, RefuseToRead, Script, Stall, Stream, Wait, text_delta
from fakes.stream_checks import complete_text, ending_of

TEXT_BLOCK = block_start({"type": "text", "text": ""})
HEADERS = [("host", "127.0.0.1"), ("content-length", "2")]

MALFORMED = {
    "nothing": [],
    "no end": [message_start(), TEXT_BLOCK, block_stop()],
    "no beginning": [TEXT_BLOCK, block_stop(), message_delta(), MESSAGE_STOP],
    "two beginnings": [message_start(), message_start(), MESSAGE_STOP],
    "two ends": [message_start(), MESSAGE_STOP, MESSAGE_STOP],
    "an error after the end": [message_start(), MESSAGE_STOP, stream_error("api_error")],
    "a ping after the end": [message_start(), MESSAGE_STOP, PING],
    "a block closed twice": [message_start(), TEXT_BLOCK, block_stop(), block_stop(), MESSAGE_STOP],
    "a delta outside a block": [message_start(), text_delta("x"), MESSAGE_STOP],
    "a delta of another block": [message_start(), TEXT_BLOCK, text_delta("x", 1), block_stop(), MESSAGE_STOP],
    "a block within a block": [message_start(), TEXT_BLOCK, TEXT_BLOCK, block_stop(), MESSAGE_STOP],
    "an end within a block": [message_start(), TEXT_BLOCK, MESSAGE_STOP],
}


@pytest.mark.parametrize("events", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_stream_is_rejected(events: list[Event]) -> None:
    with pytest.raises(MalformedError):
        ending_of([StreamEvent(event.name, event.data) for event in events])


@pytest.mark.parametrize("script", [message("hi"), thinking_then_text("hm", "hi"), tool_use("Bash", {"command": "ls"})])
@async_test
async def test_a_ready_made_script_is_a_well_formed_stream(script: Script) -> None:
    async with FakeProvider(script) as fake, await Connection.open(fake.port) as connection:
        for _ in range(2):
            answer = await connection.ask("POST", "/v1/messages", HEADERS, b"{}")
            assert await complete_text(answer) in ("hi", "")
    assert [request.connection for request in fake.requests] == [0, 0]


@pytest.mark.parametrize(
    ("script", "error"),
    [
        pytest.param([*opening(), Cut()], BrokenError, id="reset"),
        pytest.param([*opening(), Close()], BrokenError, id="closed within the body"),
        pytest.param([*opening(), Body(b"event: ping\n")], MalformedError, id="ended within an event"),
        pytest.param([Stream(), Body(b"data: {}\n\n")], MalformedError, id="an event without a name"),
        pytest.param([Stream(), Event("ping", {"type": "pong"})], MalformedError, id="an event of two names"),
    ],
)
@async_test
async def test_the_client_notices_a_broken_answer(script: Script, error: type[Exception]) -> None:
    async with FakeProvider(script) as fake, await Connection.open(fake.port) as connection:
        answer = await connection.ask("POST", "/v1/messages", HEADERS, b"{}")
        with pytest.raises(error):
            await answer.all_events()


@pytest.mark.parametrize(
    "sent",
    [
        b"POST /v1/messages HTTP/1.0\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\n{}",
        b"POST / HTTP/1.1\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}}\r\n",
    ],
)
@async_test
async def test_a_bad_request_fails_the_providers_test(sent: bytes) -> None:
    async with AsyncExitStack() as stack:
        fake = await stack.enter_async_context(FakeProvider(message("hi")))
        async with await Connection.open(fake.port) as connection:
            await connection.send(sent)
            assert await connection.read_to_end() == b""
        with pytest.raises(BadRequestError):
            await stack.aclose()


async def fail(_: ServerConnection) -> None:
    raise AssertionError("not what the test expects")


async def leave(_: ServerConnection) -> None:
    raise ConnectionResetError


@on_both_loops
async def test_an_error_of_a_handler_fails_the_test() -> None:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(FakeServer(fail))
        async with await Connection.open(server.port) as connection:
            assert await connection.read_to_end() == b""
        with pytest.raises(AssertionError, match="not what the test expects"):
            await stack.aclose()


@on_both_loops
async def test_a_client_that_leaves_a_handler_fails_no_test() -> None:
    async with FakeServer(leave) as server, await Connection.open(server.port) as connection:
        assert await connection.read_to_end() == b""


@async_test
async def test_the_provider_counts_a_client_that_hangs_up() -> None:
    async with FakeProvider([*opening(), Stall()]) as fake:
        connection = await Connection.open(fake.port)
        await connection.ask("POST", "/v1/messages", HEADERS, b"{}")
        assert (fake.open_connections, fake.hang_ups) == (1, 0)
        connection.hang_up()
        await fake.wait_for_hang_ups()
        await fake.wait_until_disconnected()


@async_test
async def test_a_script_can_leave_the_body_unread() -> None:
    gate = asyncio.Event()
    script: Script = [RefuseToRead(), Wait(gate), *message("hi")]
    async with FakeProvider(script) as fake, await Connection.open(fake.port) as connection:
        await connection.send(b"POST / HTTP/1.1\r\ncontent-length: 50000000\r\n\r\n")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await connection.send(b"x" * 50_000_000)
        gate.set()
        assert (await connection.answer()).status == 200
    assert fake.requests[0].body == b""
