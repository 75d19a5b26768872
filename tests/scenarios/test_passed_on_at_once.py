"""After the commit each event is relayed as it came and when it came: nothing is held back, nothing is changed."""

from __future__ import annotations

import asyncio

import pytest

from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import running_proxy, with_timeouts
from fakes.scripts import MESSAGE_STOP, PING, block_start, block_stop, message_delta, message_start
from fakes.steps import Body, Event, Script, Stall, Step, Stream, Text, Wait, text_delta
from fakes.stream_checks import complete_text

TEXT_BLOCK = block_start({"type": "text", "text": ""})
ODD = (
    b'event: message_start\r\ndata: {"type":"message_start", "message":{"usage":{"input_tokens":1}}}\r\n\r\n'
    b": a comment\n\n"
    b'data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n'
    b'event: content_block_delta\nid: 7\nretry: 5\ndata: {"type":"content_block_delta","index":0,\n'
    b'data: "delta":{"type":"text_delta","text":"\xc3\xa9 \\ud83d\\ude00"}}\n\n'
    b'event: unheard_of\ndata: {"type":"unheard_of","n":1.0}\n\n'
    b'event:content_block_stop\ndata:{"type":"content_block_stop","index":0}\n\n'
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{}}\n\n'
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
)
NAMED = ODD.replace(
    b'\ndata: {"type":"content_block_start"', b'\nevent: content_block_start\ndata: {"type":"content_block_start"'
)
"""The same as clients get it: an event without a name has that of its type, since they would skip it."""


def pieces_of(data: bytes, size: int) -> list[Step]:
    return [Body(data[at : at + size]) for at in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 7, 100, len(ODD)])
@async_test
async def test_relays_a_stream_byte_for_byte_however_it_was_cut(size: int) -> None:
    async with running_proxy(FakeProvider([Stream(), *pieces_of(ODD, size)])) as proxy:
        assert await (await proxy.post()).read() == NAMED


@async_test
async def test_relays_each_event_before_the_next_one_is_sent() -> None:
    gates = [asyncio.Event() for _ in range(20)]
    paced: list[Step] = [step for at, gate in enumerate(gates) for step in (text_delta(f"{at} "), Wait(gate))]
    script: Script = [Stream(), message_start(), TEXT_BLOCK, *paced, block_stop(), message_delta(), MESSAGE_STOP]
    async with running_proxy(FakeProvider(script)) as proxy:
        answer = await proxy.post()
        heard = []
        async for event in answer.events():
            if event.name == "content_block_delta":
                heard.append(event.data["delta"]["text"])
                gates[len(heard) - 1].set()
    assert heard == [f"{at} " for at in range(20)]


@async_test
async def test_relays_an_event_with_other_line_ends_at_once() -> None:
    gate = asyncio.Event()
    delta = text_delta("hello").encode().replace(b"\n", b"\r\n")
    rest: list[Step] = [block_stop(), message_delta(), MESSAGE_STOP]
    script: Script = [Stream(), message_start(), TEXT_BLOCK, Body(delta), Wait(gate), *rest]
    async with running_proxy(FakeProvider(script)) as proxy:
        chunks = (await proxy.post()).chunks()
        heard = b""
        while delta not in heard:
            heard += await anext(chunks)
        gate.set()
        assert MESSAGE_STOP.encode() in b"".join([chunk async for chunk in chunks])


@async_test
async def test_relays_the_first_content_though_nothing_follows_yet() -> None:
    gate = asyncio.Event()
    thinking = block_start({"type": "thinking", "thinking": "", "signature": ""})
    delta = Event("content_block_delta", {"index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}})
    rest: list[Step] = [block_stop(), Text("hello", index=1), message_delta(), MESSAGE_STOP]
    script: Script = [Stream(), message_start(), PING, thinking, delta, Wait(gate), *rest]
    async with running_proxy(FakeProvider(script)) as proxy:
        answer = await proxy.post()
        gate.set()
        assert await complete_text(answer) == "hello"


@async_test
async def test_does_not_wait_long_for_a_body_left_open_after_message_stop() -> None:
    script: Script = [Stream(), message_start(), Text("hello"), message_delta(), MESSAGE_STOP, Stall()]
    async with running_proxy(with_timeouts(FakeProvider(script), stall=60.0)) as proxy:
        assert await complete_text(await proxy.post()) == "hello"
        assert (await proxy.status())["minimax"]["strikes"] == 0
