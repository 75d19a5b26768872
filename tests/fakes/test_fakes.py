"""The fakes themselves: a check that finds no fault with anything would prove nothing."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from fakes.async_test import async_test
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
from fakes.server_connection import BadRequestError
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
def test_the_grammar_refuses(events: list[Event]) -> None:
    with pytest.raises(MalformedError):
        ending_of([StreamEvent(event.name, event.data) for event in events])


@pytest.mark.parametrize("script", [message("hi"), thinking_then_text("hm", "hi"), tool_use("Bash", {"command": "ls"})])
@async_test
async def test_the_ready_made_scripts_are_sound(script: Script) -> None:
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
async def test_the_client_notices(script: Script, error: type[Exception]) -> None:
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
async def test_the_provider_finds_fault_with_a_bad_request(sent: bytes) -> None:
    async with AsyncExitStack() as stack:
        fake = await stack.enter_async_context(FakeProvider(message("hi")))
        async with await Connection.open(fake.port) as connection:
            await connection.send(sent)
            assert await connection.read_to_end() == b""
        with pytest.raises(BadRequestError):
            await stack.aclose()


@async_test
async def test_the_provider_notices_who_leaves() -> None:
    async with FakeProvider([*opening(), Stall()]) as fake:
        connection = await Connection.open(fake.port)
        await connection.ask("POST", "/v1/messages", HEADERS, b"{}")
        assert (fake.connections, fake.hang_ups) == (1, 0)
        connection.hang_up()
        await fake.wait_for_hang_ups()
        await fake.wait_until_disconnected()


@async_test
async def test_a_body_is_left_unread_where_the_script_says_so() -> None:
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
