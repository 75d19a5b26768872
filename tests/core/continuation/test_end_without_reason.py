from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pytest

from claude_proxy.core.continuation.continued_answer import ContinuedAnswer
from claude_proxy.core.messages import MESSAGE_STOP
from claude_proxy.core.types import Usage
from core.builders import request
from core.continuation.answers import Assembled, Block, Text, Thinking, ToolCall, stream_of

TEXT = Text(["All of it."])
THOUGHT = Thinking(["I think"])
CALL = ToolCall("Write", ["{", "}"])
BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "go"}], "stream": True}).encode()
USAGE = Usage(input_tokens=10, output_tokens=3)

REASONS: Mapping[str, tuple[Sequence[Block], str]] = {
    "a text": ([THOUGHT, TEXT], "end_turn"),
    "a tool call": ([CALL], "tool_use"),
    "a text and a tool call": ([TEXT, CALL], "tool_use"),
}


def given(blocks: Sequence[Block], missing: int, *, holds: bool = True) -> tuple[bytes, ContinuedAnswer]:
    answer = ContinuedAnswer(request(BODY), holds_tool_calls=holds)
    return b"".join(answer.take(each) for each in stream_of(blocks)[:-missing]), answer


@pytest.mark.parametrize(("blocks", "reason"), REASONS.values(), ids=REASONS)
@pytest.mark.parametrize("holds", [True, False])
def test_a_whole_answer_gets_a_reason(blocks: Sequence[Block], reason: str, holds: bool) -> None:
    had, answer = given(blocks, 2, holds=holds)
    assembled = Assembled.of(had + answer.end_without_reason(MESSAGE_STOP, USAGE))
    assert (assembled.stop_reason, assembled.over, assembled.usage["output_tokens"]) == (reason, True, 3)


@pytest.mark.parametrize("blocks", [[TEXT], [TEXT, CALL], [THOUGHT]], ids=["text", "tool call", "thinking"])
@pytest.mark.parametrize("holds", [True, False])
def test_an_answer_within_a_block_gets_none(blocks: Sequence[Block], holds: bool) -> None:
    assert given(blocks, 3, holds=holds)[1].end_without_reason(MESSAGE_STOP, USAGE) == b""


def test_thinking_alone_ends_as_it_came() -> None:
    assert given([THOUGHT], 2)[1].end_without_reason(MESSAGE_STOP, USAGE) == MESSAGE_STOP
