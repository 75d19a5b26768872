"""An answer breaks off and can't go on: Claude Code gets the ending after which it asks again by itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from claude_proxy.core.types import Ending
from core.continuation.answers import Assembled, Block, Text, Thinking, ToolCall, stream_of
from fakes.async_test import async_test
from fakes.client import Answer, BrokenError, StreamEvent
from fakes.provider import FakeProvider
from fakes.proxy import MODEL, TOKEN, RunningProxy, running_proxy
from fakes.scripts import block_delta, block_start, block_stop, stream_error
from fakes.steps import Body, Close, Script, Status, Step, Stream

CLAUDE_CODE = {"user-agent": "claude-cli/2.1.332 (external, cli)"}
TOOLS = [{"name": "Write", "input_schema": {"type": "object"}}]
THOUGHT = Thinking(["I think ", "about it"])
TEXT = Text(["The first half of the answer, ", "and the other one."])
SUMMARY = (
    "Your task is to create a detailed summary of the conversation so far, paying close attention to what was said."
)
SEARCH: Sequence[Step] = (
    block_start({"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}, 2),
    block_stop(2),
    block_start({"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}, 3),
    block_stop(3),
    block_start({"type": "text", "text": ""}, 4),
    block_delta("text_delta", "text", "I have found", 4),
)


def dying(blocks: Sequence[Block], missing: int, *death: Step) -> FakeProvider:
    """A provider whose stream lacks its last events; whatever it is asked later, it is overloaded."""
    begun: Script = [Stream(), Body(b"".join(stream_of(blocks)[:-missing])), *(death or (Close(),))]
    return FakeProvider(begun, [Status(529)])


async def ask(proxy: RunningProxy, **changes: Any) -> Answer:
    answer = await proxy.post(headers=CLAUDE_CODE, **{"tools": TOOLS, **changes})
    assert answer.status == 200
    return answer


async def broken(answer: Answer) -> list[StreamEvent]:
    """Read an answer whose connection must break; return the events before."""
    events = list[StreamEvent]()
    with pytest.raises(BrokenError):
        await _read(answer, events)
    assert "error" not in [event.name for event in events]
    return events


async def _read(answer: Answer, events: list[StreamEvent]) -> None:
    async for event in answer.events():
        events.append(event)  # noqa: PERF401 - what came before the break is kept


BEGUN = {
    "thinking begun": dying([THOUGHT, TEXT], 8),
    "thinking complete": dying([THOUGHT, TEXT], 6),
    "text begun": dying([TEXT], 4),
    "text begun, overloaded": dying([TEXT], 4, stream_error("overloaded_error")),
}


@pytest.mark.parametrize("served", BEGUN.values(), ids=BEGUN)
@async_test
async def test_the_connection_breaks_if_nothing_but_thinking_is_complete(served: FakeProvider) -> None:
    async with running_proxy(served) as proxy:
        assert await broken(await ask(proxy))
        [account] = await proxy.ledger.wait_for_accounts(1)
    assert account.ending in (Ending.TRUNCATED, Ending.ERROR)


COMPLETE: Mapping[str, FakeProvider] = {
    "a text": dying([THOUGHT, TEXT], 2),
    "a text, overloaded": dying([THOUGHT, TEXT], 2, stream_error("overloaded_error")),
    "thinking, and a text begun": dying([THOUGHT, TEXT], 4),
    "a text, and half a tool call": dying([TEXT, ToolCall("Write", ['{"path"', ':"a"}'])], 4),
    "a text, and another begun": dying([TEXT, Text(["And then ", "more."])], 4),
    "a search, and text begun behind it": dying([THOUGHT, TEXT], 2, *SEARCH, Close()),
}


@pytest.mark.parametrize("served", COMPLETE.values(), ids=COMPLETE)
@async_test
async def test_an_answer_with_a_complete_block_ends_at_the_limit_of_tokens(served: FakeProvider) -> None:
    async with running_proxy(served) as proxy:
        answer, assembled = await ask(proxy), Assembled()
        for event in await answer.all_events():
            assembled.take({"type": event.name, **event.data})
        [account] = await proxy.ledger.wait_for_accounts(1)
    assert (assembled.stop_reason, assembled.over, assembled.calls) == ("max_tokens", True, [])
    assert assembled.text.startswith(TEXT.pieces[0])
    assert account.ending in (Ending.TRUNCATED, Ending.ERROR)


NO_TURN: Mapping[str, Mapping[str, Any]] = {
    "no tools": {"tools": []},
    "a summary of the conversation": {"messages": [{"role": "user", "content": SUMMARY}]},
}


@pytest.mark.parametrize("changes", NO_TURN.values(), ids=NO_TURN)
@async_test
async def test_a_part_never_passes_for_all_of_a_title_or_a_summary(changes: Mapping[str, Any]) -> None:
    async with running_proxy(dying([THOUGHT, TEXT], 2)) as proxy:
        events = await broken(await ask(proxy, **changes))
    assert "message_delta" not in [event.name for event in events]


@async_test
async def test_the_connection_breaks_if_answers_are_not_continued() -> None:
    async with running_proxy(dying([THOUGHT, TEXT], 4), continue_answers=False) as proxy:
        assert await broken(await ask(proxy))


@pytest.mark.parametrize("agent", ["Anthropic/Python 2.14.0", "curl/8", "not claude-cli/1"])
@async_test
async def test_another_client_gets_an_error_event(agent: str) -> None:
    async with running_proxy(dying([THOUGHT, TEXT], 2)) as proxy:
        answer = await proxy.post(headers={"user-agent": agent}, tools=TOOLS)
        events = await answer.all_events()
    assert events[-1].data["error"]["type"] == "overloaded_error"


@async_test
async def test_a_client_that_takes_a_close_for_the_end_gets_an_error_event() -> None:
    body = json.dumps(
        {"model": MODEL, "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    )
    head = (
        f"POST /v1/messages HTTP/1.0\r\nhost: 127.0.0.1\r\nauthorization: Bearer {TOKEN}\r\n"
        f"user-agent: {CLAUDE_CODE['user-agent']}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    async with running_proxy(dying([THOUGHT, TEXT], 4)) as proxy:
        connection = await proxy.connect()
        await connection.send((head + body).encode())
        assert b"event: error" in await connection.read_to_end()


@async_test
async def test_the_next_request_is_served_as_ever() -> None:
    served = FakeProvider(
        [Stream(), Body(b"".join(stream_of([TEXT])[:3])), Close()],
        [Status(529)],
        [Stream(), Body(b"".join(stream_of([TEXT])))],
    )
    async with running_proxy(served) as proxy:
        await broken(await ask(proxy))
        events = await (await ask(proxy)).all_events()
    assert events[-1].name == "message_stop"
