"""All requests and answers together may take so much memory: what would take more gets an error of the proxy's own."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from claude_proxy.core.types import Ending
from fakes.async_test import async_test
from fakes.client import Answer, BrokenError, Connection
from fakes.provider import FakeProvider
from fakes.proxy import PROMPT, TOKEN, RunningProxy, running_proxy, with_timeouts
from fakes.scripts import (
    MESSAGE_STOP,
    block_delta,
    block_start,
    block_stop,
    json_message,
    message,
    message_delta,
    message_start,
    opening,
)
from fakes.server import PATIENCE
from fakes.steps import Body, Close, Cut, Drip, Head, Reached, Script, Stall, Status, Step, Stream, Wait
from fakes.stream_checks import complete_text, ending_of, text_of

MIB = 1024 * 1024
JSON = {"content-type": "application/json"}
HALF_AN_EVENT = Body(b"event: content_block_delta\ndata: " + b"x" * (3 * MIB))
REST: list[Step] = [block_stop(), message_delta(), MESSAGE_STOP]
LARGE = "x" * (400 * 1024)
"""A prompt of which one fits into a budget of 1 MiB, and two do not."""


def held(proxy: RunningProxy) -> int:
    return proxy.proxy._budget.held


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what happens in the proxy."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110  what is waited for cannot signal
            await asyncio.sleep(0.001)


async def given_back(proxy: RunningProxy) -> None:
    """Wait until nothing is held."""
    await until(lambda: held(proxy) == 0)


def messages(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


async def assert_refused(answer: Answer) -> None:
    """Check that an answer is the proxy's own error, and says which setting it is about."""
    assert answer.status == 503
    error = (await answer.json())["error"]
    assert error["type"] == "api_error"
    assert "memory_budget_mb" in error["message"]


@async_test
async def test_unfinished_events_beyond_the_budget_end_their_streams_and_cost_no_provider_a_strike() -> None:
    first = FakeProvider([*opening("half"), HALF_AN_EVENT, Stall()])
    async with running_proxy(first, memory_budget=8 * MIB) as proxy:
        answers = [await proxy.post() for _ in range(6)]
        accounts = await proxy.ledger.wait_for_accounts(4)
        assert [account.ending for account in accounts] == [Ending.INTERNAL] * 4
        await until(lambda: held(proxy) > 6 * MIB)
        assert held(proxy) <= 8 * MIB
        assert {answer.status for answer in answers} == {200}
        report = (await proxy.status())["minimax"]
        assert (report["state"], report["strikes"], report["last_error"]) == ("ready", 0, None)
        await proxy.hang_up()
        await given_back(proxy)


@async_test
async def test_a_stream_that_is_ended_for_the_budget_ends_with_an_error_event_that_names_the_setting() -> None:
    first = FakeProvider([*opening("half"), HALF_AN_EVENT, Stall()])
    async with running_proxy(first, memory_budget=2 * MIB) as proxy:
        events = await (await proxy.post()).all_events()
        assert (text_of(events), ending_of(events)) == ("half", "error")
        assert events[-1].data["error"]["type"] == "overloaded_error"
        assert "memory_budget_mb" in events[-1].data["error"]["message"]
        await given_back(proxy)


@pytest.mark.parametrize("size", [256, 60_000])
@async_test
async def test_a_tool_call_that_is_held_beyond_the_budget_ends_its_stream(size: int) -> None:
    start = block_start({"type": "tool_use", "id": "toolu_1", "name": "Write", "input": {}}, 1)
    pieces = [block_delta("input_json_delta", "partial_json", "x" * size, 1)] * (3 * MIB // size)
    first = FakeProvider([*opening("half"), block_stop(), start, *pieces, Stall()])
    async with running_proxy(first, memory_budget=2 * MIB) as proxy:
        events = await (await proxy.post()).all_events()
        assert (text_of(events), ending_of(events)) == ("half", "error")
        assert "memory_budget_mb" in events[-1].data["error"]["message"]
        [account] = await proxy.ledger.wait_for_accounts(1)
        assert account.ending is Ending.INTERNAL
        assert (await proxy.status())["minimax"]["strikes"] == 0
        await given_back(proxy)


@async_test
async def test_large_whole_events_within_the_budget_pass() -> None:
    large = Body(b'event: ping\ndata: {"type":"ping","x":"' + b"x" * (2 * MIB) + b'"}\n\n')
    first = FakeProvider([*opening("hello"), large, *REST])
    async with running_proxy(first, memory_budget=4 * MIB) as proxy:
        for _ in range(3):
            assert await complete_text(await proxy.post()) == "hello"
        await given_back(proxy)


@pytest.mark.parametrize(
    "script",
    [
        [Head(200, JSON), Body(b" " * (3 * MIB)), Stall()],
        [Head(500, JSON), Body(b" " * (3 * MIB)), Stall()],
        [Head(400, JSON), Body(b" " * (3 * MIB)), Stall()],
    ],
    ids=["200", "500", "400"],
)
@async_test
async def test_a_whole_answer_beyond_the_budget_is_an_error_of_the_proxy(script: Script) -> None:
    first, second = FakeProvider(script), FakeProvider(json_message("second"))
    async with running_proxy(first, second, memory_budget=4 * MIB) as proxy:
        answer = await proxy.post(stream=False)
        assert answer.headers["x-claude-proxy-attempts"] == "minimax=memory"
        await assert_refused(answer)
        report = (await proxy.status())["minimax"]
        assert (report["state"], report["strikes"]) == ("ready", 0)
        await given_back(proxy)
    assert second.requests == []


@pytest.mark.parametrize("pinged", [False, True], ids=["no ping", "pinged"])
@async_test
async def test_a_stream_beyond_the_budget_before_its_first_content_is_an_error_of_the_proxy(pinged: bool) -> None:
    gate = asyncio.Event()
    first = FakeProvider([Stream(), message_start(), Wait(gate), HALF_AN_EVENT, Stall()])
    async with running_proxy(first, memory_budget=2 * MIB, ping_after=0.01 if pinged else 60.0) as proxy:
        if not pinged:
            gate.set()
        answer = await proxy.post()
        if pinged:
            events = answer.events()
            heard = [await anext(events)]
            gate.set()
            heard += [event async for event in events]
            assert ending_of(heard) == "error"
            assert "memory_budget_mb" in heard[-1].data["error"]["message"]
        else:
            await assert_refused(answer)
        assert (await proxy.status())["minimax"]["strikes"] == 0
        await given_back(proxy)


@async_test
async def test_a_request_beyond_the_budget_is_refused_and_a_smaller_one_is_answered() -> None:
    async with running_proxy(FakeProvider(message("hello")), memory_budget=MIB) as proxy:
        await assert_refused(await proxy.post(messages=messages("x" * MIB)))
        await assert_refused(await proxy.post("/v1/messages/count_tokens", messages=messages("x" * MIB)))
        assert await complete_text(await proxy.post(messages=messages(LARGE))) == "hello"
        await given_back(proxy)


@async_test
async def test_a_request_is_held_until_its_answer_begins_and_no_longer() -> None:
    gate = asyncio.Event()
    first = FakeProvider([Wait(gate), *message("hello")], [*opening("half"), Stall()], message("third"))
    off = running_proxy(first, memory_budget=MIB, continue_answers=False)
    async with off as proxy, asyncio.TaskGroup() as group:
        waiting = group.create_task(proxy.post(messages=messages(LARGE)))
        await first.wait_for_requests()
        await assert_refused(await proxy.post(messages=messages(LARGE)))
        gate.set()
        assert await complete_text(await waiting) == "hello"
        streaming = await proxy.post(messages=messages(LARGE))
        assert streaming.status == 200
        assert held(proxy) == 0
        assert await complete_text(await proxy.post(messages=messages(LARGE))) == "third"


@async_test
async def test_a_request_is_kept_for_the_rest_of_its_answer_if_less_than_half_of_the_budget_is_used() -> None:
    first = FakeProvider([*opening("half"), Stall()])
    async with running_proxy(first, memory_budget=4 * MIB) as proxy:
        sizes = list[int]()
        for _ in range(6):
            assert (await proxy.post(messages=messages(LARGE))).status == 200
            sizes.append(held(proxy))
    assert [size // len(LARGE) for size in sizes] == [1, 2, 3, 4, 5, 5]


@async_test
async def test_a_changed_budget_is_used_by_requests_that_run_already() -> None:
    async with running_proxy(FakeProvider(message("hello")), memory_budget=MIB) as proxy:
        proxy.proxy._budget.limit = 8 * MIB
        assert await complete_text(await proxy.post(messages=messages("x" * MIB))) == "hello"


ENDINGS: dict[str, Script] = {
    "complete": message("x" * MIB, deltas=1),
    "cut": [*opening("half"), HALF_AN_EVENT, Cut()],
    "closed": [*opening("half"), HALF_AN_EVENT, Close()],
    "an event without an end": [*opening("half"), HALF_AN_EVENT, Body(b"x" * (2 * MIB)), Stall()],
    "a large error": [Status(400, json.dumps({"error": {"message": "x" * MIB}}).encode())],
    "a large error and the next provider": [Status(500, b"x" * MIB)],
    "a large event before the content, then a cut": [Stream(), message_start(), HALF_AN_EVENT, Cut()],
    "nonsense": [Status(200, b"x" * MIB, {"content-type": "text/html"})],
    "silence": [*opening("half"), HALF_AN_EVENT, Drip(b"x")],
}


@pytest.mark.parametrize("kind", ENDINGS)
@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
@async_test
async def test_everything_is_given_back_however_an_exchange_ends(kind: str, streamed: bool) -> None:
    first = with_timeouts(FakeProvider(ENDINGS[kind]), stall=0.2, first_content=0.2)
    async with running_proxy(first, FakeProvider(message("x" * MIB) if streamed else json_message("y"))) as proxy:
        await (await proxy.post(stream=streamed, messages=messages(LARGE))).read()
        await proxy.ledger.wait_for_accounts(1)
        await given_back(proxy)


LEAVING: dict[str, list[Step]] = {
    "before the answer": [],
    "before its content": [Stream(), message_start(), HALF_AN_EVENT],
    "within a stream": [*opening("half"), HALF_AN_EVENT],
    "within a body that is no stream": [Head(200, JSON), Body(b" " * MIB)],
    "within an error": [Head(400, JSON), Body(b" " * MIB)],
}


@pytest.mark.parametrize("steps", LEAVING.values(), ids=LEAVING.keys())
@pytest.mark.parametrize("how", ["the client leaves", "the proxy is stopped"])
@async_test
async def test_everything_is_given_back_if_an_exchange_is_cancelled(how: str, steps: list[Step]) -> None:
    reached = asyncio.Event()
    first = FakeProvider([*steps, Reached(reached), Stall()])
    async with running_proxy(first) as proxy, asyncio.TaskGroup() as group:
        connection = await proxy.connect()
        body = json.dumps({**PROMPT, "stream": True, "messages": messages(LARGE)}).encode()
        group.create_task(_ask_in_vain(proxy, body, connection))
        await reached.wait()
        await until(lambda: held(proxy) > 0)
        if how == "the client leaves":
            connection.hang_up()
        else:
            for task in proxy.proxy._server.in_flight:
                task.cancel()
        await given_back(proxy)


async def _ask_in_vain(proxy: RunningProxy, body: bytes, connection: Connection) -> None:
    answer = proxy.ask("POST", "/v1/messages", body, connection=connection)
    with contextlib.suppress(BrokenError, OSError):
        await (await answer).read()


@async_test
async def test_a_body_that_never_comes_to_its_end_is_given_back_when_the_client_leaves() -> None:
    async with running_proxy(FakeProvider(message("hello"))) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        del reader
        fields = f"host: 127.0.0.1:{proxy.port}\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n"
        writer.write(f"POST /v1/messages HTTP/1.1\r\n{fields}content-length: {4 * MIB}\r\n\r\n".encode())
        writer.write(b"{" + b" " * (3 * MIB))
        await writer.drain()
        await until(lambda: held(proxy) > 5 * MIB)
        writer.transport.abort()
        await given_back(proxy)
