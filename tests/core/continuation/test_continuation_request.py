from __future__ import annotations

import json
from typing import Any

import pytest

from claude_proxy.core.continuation.continuation_request import continuation_request
from claude_proxy.core.continuation.delivered import Delivered
from claude_proxy.core.continuation.usage_of_parts import usage_of_parts
from claude_proxy.core.types import Usage
from core.builders import compact, request
from core.continuation.answers import Block, Text, Thinking, ToolCall, message_start, stream_of

BODY: dict[str, Any] = {
    "model": "claude-opus-5-5",
    "messages": [{"role": "user", "content": [{"type": "text", "text": "go", "cache_control": {"type": "ephemeral"}}]}],
    "max_tokens": 64,
    "stream": True,
}


def cut(*blocks: Block, events: int = -2) -> Delivered:
    """Return what a client has of an answer of which the last events are missing."""
    made = Delivered()
    made.add(b"".join(stream_of(blocks)[:events]))
    return made


def continued(delivered: Delivered, **changes: Any) -> dict[str, Any]:
    sent = continuation_request(request(compact({**BODY, **changes})), delivered)
    assert sent is not None
    return dict(json.loads(sent.body))


def test_after_thinking_alone_the_request_is_sent_again_as_it_was() -> None:
    original = request(compact(BODY))
    assert continuation_request(original, cut(Thinking(["hm"]))) is original
    assert continuation_request(original, cut(Text([" "]))) is original
    assert continuation_request(original, Delivered()) is original


def test_after_text_the_request_is_the_same_with_the_text_and_a_question_behind_it() -> None:
    body = compact(BODY)
    sent = continuation_request(request(body), cut(Thinking(["hm"]), Text(["I go to the ", "shop"]), events=-3))
    assert sent is not None
    end = body.index(b"]}]") + 2
    assert sent.body.startswith(body[:end])
    assert sent.body.endswith(body[end:])
    answer, question = json.loads(sent.body)["messages"][1:]
    thinking = {"type": "thinking", "thinking": "hm", "signature": "sig"}
    assert answer == {"role": "assistant", "content": [thinking, {"type": "text", "text": "I go to the shop"}]}
    assert question["role"] == "user"
    assert "I go to the shop" in question["content"][0]["text"]
    assert sent.streaming


def test_within_a_sentence_it_is_asked_to_repeat_the_last_words_else_not() -> None:
    within = continued(cut(Text(["A half sent"]), events=-3))["messages"][-1]["content"][0]["text"]
    behind = continued(cut(Text(["A sentence."]), events=-3))["messages"][-1]["content"][0]["text"]
    closed = continued(cut(Text(["A heading"])))["messages"][-1]["content"][0]["text"]
    assert "A half sent" in within
    assert "A sentence." not in behind
    assert "A heading" not in closed


def test_blank_text_and_unsigned_or_unfinished_thinking_are_left_out() -> None:
    delivered = cut(Thinking(["a"], ""), Text([" "]), Text(["Some text"]), Thinking(["b"]), events=-3)
    content = continued(delivered)["messages"][1]["content"]
    assert content == [{"type": "text", "text": "Some text"}]


@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "Write"}])
def test_the_rest_of_a_text_is_not_forced_to_be_a_tool_call(choice: dict[str, str]) -> None:
    assert "tool_choice" not in continued(cut(Text(["I go"])), tool_choice=choice)


@pytest.mark.parametrize("choice", [{"type": "auto", "disable_parallel_tool_use": True}, {"type": "none"}, None])
def test_another_tool_choice_stays(choice: dict[str, str] | None) -> None:
    assert continued(cut(Text(["I go"])), tool_choice=choice)["tool_choice"] == choice


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": "go"}, {"role": "assistant", "content": "I"}],
        [],
        "nonsense",
        ["nonsense"],
    ],
)
def test_a_conversation_that_does_not_end_with_the_user_is_not_gone_on_with(messages: Any) -> None:
    assert continuation_request(request(compact({**BODY, "messages": messages})), cut(Text(["I go"]))) is None


def test_a_request_without_messages_is_not_gone_on_with() -> None:
    assert continuation_request(request(b'{"model":"m","stream":true}'), cut(Text(["I go"]))) is None


def test_after_tool_calls_or_a_stop_reason_nothing_is_asked() -> None:
    original = request(compact(BODY))
    assert continuation_request(original, cut(ToolCall("Write", ["{}"]))) is None
    assert continuation_request(original, cut(Text(["I go"]), events=-1)) is None


def test_the_tokens_of_all_parts_are_added_and_listed() -> None:
    usage = usage_of_parts((Usage(10, 2, 3, 4), Usage(20, 5, 0, 8)))
    assert usage == {
        "input_tokens": 30,
        "cache_creation_input_tokens": 3,
        "cache_read_input_tokens": 12,
        "output_tokens": 7,
        "iterations": [
            {
                "type": "message",
                "input_tokens": 10,
                "cache_creation_input_tokens": 3,
                "cache_read_input_tokens": 4,
                "output_tokens": 2,
            },
            {
                "type": "message",
                "input_tokens": 20,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 8,
                "output_tokens": 5,
            },
        ],
    }


def test_an_answer_that_only_began_is_asked_for_again() -> None:
    made = Delivered()
    made.add(message_start())
    assert continuation_request(request(compact(BODY)), made) is not None
