from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pytest

from claude_proxy.core.continuation.continued_answer import ContinuedAnswer
from claude_proxy.core.continuation.delivered import MAX_CHARS
from claude_proxy.core.continuation.unfinished_answer import is_claude_code
from claude_proxy.core.types import Headers, Usage
from core.builders import request
from core.continuation.answers import Assembled, Block, Text, Thinking, ToolCall, event, stream_of

TEXT = Text(["All of it."])
THOUGHT = Thinking(["I think"])
TURN = {"model": "m", "tools": [{"name": "Write"}], "messages": [{"role": "user", "content": "go"}], "stream": True}


RUN = (
    event("content_block_start", index=1, content_block={"type": "server_tool_use", "id": "s", "name": "search"}),
    event("content_block_stop", index=1),
)
"""The run of a server tool, behind one other block."""


def end_of(
    blocks: Sequence[Block], missing: int, fields: object = TURN, *, behind: Sequence[bytes] = (), holds: bool = True
) -> tuple[bytes, bytes]:
    """Return what a client has of an answer whose last events are missing, and the end that is made for it."""
    answer = ContinuedAnswer(request(json.dumps(fields).encode()), holds_tool_calls=holds)
    had = b"".join(answer.take(each) for each in (*stream_of(blocks)[:-missing], *behind))
    answer.died(Usage(input_tokens=10, output_tokens=3))
    return had, answer.end_at_limit()


ENDS: Mapping[str, tuple[Sequence[Block], int]] = {
    "a text": ([TEXT], 2),
    "thinking and a text": ([THOUGHT, TEXT], 2),
    "thinking and half a text": ([THOUGHT, TEXT], 3),
    "a text and half of another": ([TEXT, Text(["And ", "more."])], 4),
    "a text and half a tool call": ([TEXT, ToolCall("Write", ["{", "}"])], 4),
}


@pytest.mark.parametrize(("blocks", "missing"), ENDS.values(), ids=ENDS)
def test_an_answer_with_a_complete_block_ends_at_the_limit(blocks: Sequence[Block], missing: int) -> None:
    had, end = end_of(blocks, missing)
    assembled = Assembled.of(had + end)
    assert (assembled.stop_reason, assembled.over, assembled.calls) == ("max_tokens", True, [])
    assert assembled.usage["output_tokens"] == 3


GOES_ON_BY_ITSELF: Mapping[str, tuple[Sequence[Block], int]] = {
    "thinking begun": ([THOUGHT, TEXT], 8),
    "thinking": ([THOUGHT], 2),
    "a text begun": ([TEXT], 3),
    "thinking behind a text": ([TEXT, THOUGHT], 2),
    "thinking begun behind a text": ([TEXT, THOUGHT], 4),
    "a whole tool call": ([TEXT, ToolCall("Write", ["{}"])], 2),
    "a stop reason": ([TEXT], 1),
}


@pytest.mark.parametrize(("blocks", "missing"), GOES_ON_BY_ITSELF.values(), ids=GOES_ON_BY_ITSELF)
def test_any_other_does_not(blocks: Sequence[Block], missing: int) -> None:
    assert end_of(blocks, missing)[1] == b""


@pytest.mark.parametrize(("events", "open_blocks"), [(0, 0), (2, 1), (3, 0)])
def test_the_run_of_a_server_tool_ends_at_the_limit(events: int, open_blocks: int) -> None:
    _, end = end_of([TEXT], 2, behind=(*RUN, *list(TEXT.events(2))[:events]))
    assert b"max_tokens" in end
    assert end.count(b"content_block_stop") == 2 * open_blocks  # its name and its data


def test_half_the_run_of_a_server_tool_does_not() -> None:
    assert end_of([TEXT], 2, behind=RUN[:1])[1] == b""


def test_half_a_tool_call_that_is_not_held_does_not() -> None:
    assert end_of([TEXT, ToolCall("Write", ["{", "}"])], 4, holds=False)[1] == b""


def test_an_answer_that_is_too_long_to_be_kept_does_not() -> None:
    assert end_of([THOUGHT, Text(["x" * (MAX_CHARS + 1)])], 2)[1] == b""


@pytest.mark.parametrize("tools", [None, []])
def test_a_request_without_tools_is_no_turn(tools: object) -> None:
    assert end_of([TEXT], 2, TURN | {"tools": tools})[1] == b""
    assert end_of([TEXT], 2, {name: value for name, value in TURN.items() if name != "tools"})[1] == b""


def test_a_summary_is_no_turn() -> None:
    asked = "Your task is to create a detailed summary of the RECENT portion of the conversation."
    assert end_of([TEXT], 2, TURN | {"messages": [{"role": "user", "content": asked}]})[1] == b""


@pytest.mark.parametrize(
    ("headers", "known"),
    [
        (((b"user-agent", b"claude-cli/2.1.332 (external, cli)"),), True),
        (((b"accept", b"*/*"), (b"user-agent", b"claude-cli/3")), True),
        (((b"user-agent", b"Anthropic/Python 2.14.0"),), False),
        (((b"x-app", b"claude-cli/2"),), False),
        ((), False),
    ],
)
def test_claude_code_is_known_by_its_user_agent(headers: Headers, known: bool) -> None:
    assert is_claude_code(headers) is known
