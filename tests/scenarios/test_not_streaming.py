"""A request that does not stream: its answer is read whole before a byte is relayed, so failover covers all of it."""

from __future__ import annotations

import asyncio
import json

import pytest

from claude_proxy.core.types import Ending, Usage
from fakes.async_test import async_test, run_ready_callbacks
from fakes.provider import FakeProvider
from fakes.proxy import running_proxy, with_timeouts
from fakes.scripts import block_delta, block_stop, json_message, message_delta, opening, stream_error
from fakes.steps import Body, Close, Cut, Head, Raw, Reached, Script, Stall, Status, Stream, Wait

WHOLE = json.dumps({"id": "m", "type": "message", "content": [{"type": "text", "text": "x" * 5000}]}).encode()
JSON = {"content-type": "application/json"}
DECLARED = {**JSON, "content-length": str(len(WHOLE))}


@async_test
async def test_relays_a_whole_answer_byte_for_byte() -> None:
    spaced = b'{ "type":"message",\n"content":[],"usage":{"input_tokens":3,"output_tokens":4}}'
    async with running_proxy(FakeProvider([Status(200, spaced)])) as proxy:
        answer = await proxy.post(stream=False)
        assert (answer.status, await answer.read()) == (200, spaced)
        assert answer.headers["content-type"] == "application/json"
        [account] = await proxy.ledger.wait_for_accounts(1)
    assert (account.usage, account.ending, account.streaming) == (Usage(3, 4), Ending.COMPLETE, False)


BREAKS = {
    "reset before its last byte": [Head(200, DECLARED), Raw(WHOLE[:-1]), Cut()],
    "closed before its last byte": [Head(200, DECLARED), Raw(WHOLE[:-1]), Close()],
    "silent before its last byte": [Head(200, DECLARED), Raw(WHOLE[:-1]), Stall()],
    "closed before its last chunk": [Stream(JSON), Body(WHOLE), Close()],
    "a stream that is cut off": [*opening("first"), Close()],
    "a stream that falls silent": [*opening("first"), Stall()],
    "a stream that reports an error": [*opening("first"), block_stop(), stream_error("overloaded_error")],
    "a stream that stops with a failure": [*opening("first"), block_stop(), message_delta("network_error")],
    "a stream with a delta of unknown type": [*opening("first"), block_delta("wave_delta", "wave", "x")],
    "silent after its head": [Head(200, DECLARED), Stall()],
    "ended by the connection's end, cut short": [Head(200, JSON), Raw(WHOLE[:100]), Close()],
}


@pytest.mark.parametrize("script", BREAKS.values(), ids=BREAKS.keys())
@async_test
async def test_a_whole_answer_that_breaks_off_fails_over(script: Script) -> None:
    first = with_timeouts(FakeProvider(script), first_event=0.3, first_content=0.3, stall=0.3)
    async with running_proxy(first, FakeProvider(json_message("second"))) as proxy:
        answer = await proxy.post(stream=False)
        assert (await answer.json())["content"][0]["text"] == "second"
        assert (await proxy.status())["minimax"]["strikes"] == 1


@pytest.mark.parametrize(
    "script",
    [
        pytest.param([Stream(JSON), Body(WHOLE[:7]), Body(WHOLE[7:])], id="chunks"),
        pytest.param([Head(200, JSON), Raw(WHOLE), Close()], id="up to the end of the connection"),
        pytest.param([Raw(b"HTTP/1.1 100 Continue\r\n\r\n"), Head(200, DECLARED), Raw(WHOLE)], id="after a 100"),
    ],
)
@async_test
async def test_reads_a_whole_answer_in_any_framing(script: Script) -> None:
    async with running_proxy(FakeProvider(script)) as proxy:
        assert await (await proxy.post(stream=False)).read() == WHOLE


@async_test
async def test_a_whole_answer_may_be_thought_over_behind_its_head() -> None:
    gate, mark = asyncio.Event(), asyncio.Event()
    first = FakeProvider([Head(200, DECLARED), Reached(mark), Wait(gate), Raw(WHOLE)])
    async with running_proxy(with_timeouts(first, stall=1e-6)) as proxy, asyncio.TaskGroup() as group:
        asking = group.create_task(proxy.post(stream=False))
        await mark.wait()
        await run_ready_callbacks()
        gate.set()
        assert await (await asking).read() == WHOLE
