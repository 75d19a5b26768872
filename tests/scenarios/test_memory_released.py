"""An exchange that is over leaves nothing in memory, although the garbage collector does not run."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from claude_proxy.core.continuation.continued_answer import ContinuedAnswer
from claude_proxy.core.judge_stream import StreamJudge
from claude_proxy.core.request import MessagesRequest
from claude_proxy.core.sse import SSEDecoder
from claude_proxy.core.usage import Tally
from claude_proxy.net.asgi_client import AsgiClient
from claude_proxy.net.upstream.incoming_message import IncomingMessage
from claude_proxy.proxy.count_tokens import CountTokens
from claude_proxy.proxy.exchange import Exchange
from claude_proxy.proxy.relay import StreamRelay
from fakes.async_test import on_both_loops, run_ready_callbacks
from fakes.client import BrokenError
from fakes.provider import FakeProvider
from fakes.proxy import RunningProxy, running_proxy, with_timeouts
from fakes.scripts import answers, error_event, json_message, message, message_start, opening
from fakes.steps import Body, Close, Cut, Reached, Script, Stall, Status, Stream

RELEASED = (
    AsgiClient,
    ContinuedAnswer,
    CountTokens,
    Exchange,
    IncomingMessage,
    MessagesRequest,
    SSEDecoder,
    StreamJudge,
    StreamRelay,
    Tally,
)
"""What one exchange makes; the decoder and the message hold what has come of the answer."""

UNFINISHED = Body(b"event: content_block_delta\ndata: " + b"x" * 512 * 1024)
TIMES = 3


_of_others = set[int]()
"""Objects by their ids that other tests keep: a request that several of their cases share, say."""


@contextlib.contextmanager
def without_collector() -> Iterator[None]:
    gc.collect()
    _of_others.update(id(found) for found in gc.get_objects() if isinstance(found, RELEASED))
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        _of_others.clear()


async def left_behind(proxy: RunningProxy, exchanges: int) -> Counter[str]:
    """Return what is in memory of the exchanges that are over, by type."""
    await proxy.ledger.wait_for_accounts(exchanges)
    await run_ready_callbacks()
    found = [each for each in gc.get_objects() if isinstance(each, RELEASED) and id(each) not in _of_others]
    return Counter(type(each).__name__ for each in found)


OVER: dict[str, Script] = {
    "a complete stream": message(),
    "a stream that is reset": [*opening(), UNFINISHED, Cut()],
    "a stream that breaks off": [*opening(), UNFINISHED, Close()],
    "a stream that falls silent": [*opening(), UNFINISHED, Stall()],
    "an event that is too large": [*opening(), Body(b"x" * 9 * 1024 * 1024), Stall()],
    "an error within a stream": [*opening(), *error_event()[1:]],
    "a whole message": json_message(),
    "an error": [Status(429)],
    "an error of the request": [Status(400)],
    "a body shorter than announced": [Status(429, b"x", {"content-length": "9"}), Close()],
    "no answer": [Cut()],
    "silence": [Stall()],
    "silence after message_start": [Stream(), message_start(), Stall()],
    "a page": [Status(200, b"<html>" * 50_000)],
}


@pytest.mark.parametrize("script", OVER.values(), ids=OVER)
@pytest.mark.parametrize("stream", [True, False])
@on_both_loops
async def test_an_exchange_that_is_over_is_gone(script: Script, *, stream: bool) -> None:
    first = with_timeouts(FakeProvider(script), first_event=0.1, first_content=0.1, stall=0.1)
    with without_collector():
        async with running_proxy(first, ping_after=0.05) as proxy:
            for _ in range(TIMES):
                with contextlib.suppress(BrokenError):
                    await (await proxy.post(stream=stream)).read()
            assert await left_behind(proxy, TIMES) == Counter()


@on_both_loops
async def test_a_count_of_tokens_that_is_over_is_gone() -> None:
    with without_collector():
        async with running_proxy(FakeProvider(answers())) as proxy:
            for _ in range(TIMES):
                assert (await proxy.post("/v1/messages/count_tokens")).status == 200
            assert await left_behind(proxy, TIMES) == Counter()


LEFT: dict[str, Callable[[Reached], Script]] = {
    "within an event": lambda sent: [*opening(), UNFINISHED, sent, Stall()],
    "between two events": lambda sent: [*opening(), sent, Stall()],
    "before the content": lambda sent: [Stream(), message_start(), sent, Stall()],
}


@pytest.mark.parametrize("script", LEFT.values(), ids=LEFT)
@on_both_loops
async def test_an_exchange_whose_client_leaves_is_gone(script: Callable[[Reached], Script]) -> None:
    sent = asyncio.Event()
    first = FakeProvider(script(Reached(sent)))
    with without_collector():
        async with running_proxy(first, ping_after=0.0) as proxy:
            for times in range(1, TIMES + 1):
                answer = await proxy.post()
                await sent.wait()
                sent.clear()
                answer.hang_up()
                await first.wait_for_hang_ups(times)
            assert await left_behind(proxy, TIMES) == Counter()


@on_both_loops
async def test_sixty_streams_that_are_aborted_within_an_event_leave_no_buffer() -> None:
    first = FakeProvider([*opening(), UNFINISHED, Stall()])
    with without_collector():
        async with running_proxy(first) as proxy:
            for times in range(1, 61):
                answer = await proxy.post()
                events = answer.events()
                while (await anext(events)).name != "content_block_delta":
                    pass
                answer.hang_up()
                await first.wait_for_hang_ups(times)
            assert await left_behind(proxy, 60) == Counter()


@on_both_loops
async def test_an_exchange_that_is_stopped_by_force_is_gone() -> None:
    first = FakeProvider([*opening(), UNFINISHED, Stall()])
    with without_collector():
        async with running_proxy(first) as proxy:
            answer = await proxy.post()
            await proxy.ask("POST", "/admin/stop", b'{"force": true}')
            await answer.read()
            assert (await left_behind(proxy, 1)).keys() <= {"AsgiClient"}
            await proxy.proxy.wait()
