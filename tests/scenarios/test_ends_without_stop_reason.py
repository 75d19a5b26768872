"""A stream ends with message_stop, and no stop reason: it gets one if all of its blocks are complete."""

from __future__ import annotations

import pytest

from claude_proxy.core.types import Ending
from core.continuation.answers import Assembled, Block, Text, Thinking, ToolCall, stream_of
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import running_proxy
from fakes.scripts import MESSAGE_STOP, message
from fakes.steps import Body, Script, Stream

THOUGHT = Thinking(["I think"])
TEXT = Text(["The whole ", "answer."])
CALL = ToolCall("Write", ['{"path"', ':"a"}'])


def without_reason(*blocks: Block, missing: int = 2) -> Script:
    return [Stream(), Body(b"".join(stream_of(blocks)[:-missing]) + MESSAGE_STOP.encode())]


@pytest.mark.parametrize(
    ("blocks", "reason"),
    [([THOUGHT, TEXT], "end_turn"), ([TEXT, CALL], "tool_use"), ([CALL], "tool_use")],
    ids=["a text", "a text and a tool call", "a tool call"],
)
@async_test
async def test_a_whole_answer_gets_its_stop_reason(blocks: list[Block], reason: str) -> None:
    first = FakeProvider(without_reason(*blocks))
    async with running_proxy(first) as proxy:
        assembled = Assembled()
        for event in await (await proxy.post()).all_events():
            assembled.take({"type": event.name, **event.data})
        [account] = await proxy.ledger.wait_for_accounts(1)
        report = (await proxy.status())["minimax"]
    assert (assembled.stop_reason, assembled.over) == (reason, True)
    assert len(assembled.blocks) == len(blocks)
    assert assembled.usage["input_tokens"] == 10
    assert account.ending is Ending.COMPLETE
    assert report["strikes"] == 0
    assert len(first.requests) == 1


@pytest.mark.parametrize("missing", [4, 3], ids=["in a tool call", "in a tool call that lacks its end"])
@async_test
async def test_an_end_within_a_block_is_no_end(missing: int) -> None:
    first = FakeProvider(without_reason(CALL, CALL, missing=missing))
    async with running_proxy(first) as proxy:
        assembled = Assembled()
        for event in await (await proxy.post()).all_events():
            assembled.take({"type": event.name, **event.data})
        [account] = await proxy.ledger.wait_for_accounts(1)
    assert (assembled.stop_reason, len(assembled.calls)) == ("tool_use", 1)
    assert account.ending is Ending.RECOVERED


@async_test
async def test_an_end_within_a_text_is_followed_by_the_rest() -> None:
    rest: Script = [Stream(), Body(b"".join(stream_of([Text(["The whole answer."])])))]
    first = FakeProvider(without_reason(TEXT, missing=4), rest)
    async with running_proxy(first) as proxy:
        assembled = Assembled()
        for event in await (await proxy.post()).all_events():
            assembled.take({"type": event.name, **event.data})
    assert (assembled.text, assembled.stop_reason) == ("The whole answer.", "end_turn")
    assert len(first.requests) == 2


@async_test
async def test_thinking_alone_ends_as_it_came() -> None:
    async with running_proxy(FakeProvider(without_reason(THOUGHT)), FakeProvider(message("second"))) as proxy:
        events = await (await proxy.post()).all_events()
    assert events[-1].name == "message_stop"
    assert "message_delta" not in [event.name for event in events]
