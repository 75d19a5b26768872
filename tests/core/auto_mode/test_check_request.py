from __future__ import annotations

import json
from typing import Any

import pytest

from claude_proxy.core.auto_mode.check_request import check_context, check_request
from claude_proxy.core.auto_mode.tool_calls import ToolCall
from core.builders import compact, request

CONTEXT = {"v": 1, "live_cwd": "/work", "rules": {"deny": ["Bash(rm:*)"]}}
SAFEGUARDS = [{"type": "something_else"}, {"type": "dangerous_tool_use", "classifier_context": CONTEXT}]
CALLS = [ToolCall("t1", "Bash", '{"command":"ls"}'), ToolCall("t2", "Now")]
HEADERS = ((b"anthropic-version", b"2023-06-01"), (b"x-app", b"cli"))


def question(messages: Any, context: str = "{}") -> dict[str, Any]:
    original = request(compact({"model": "claude-opus-5-5", "messages": messages, "stream": True}), HEADERS)
    sent = check_request(original, CALLS, context, "judge-1")
    body = json.loads(sent.body)
    assert (body["model"], sent.streaming, sent.headers) == ("judge-1", False, HEADERS[:1])
    return dict(json.loads(body["messages"][0]["content"]))


def test_the_context_of_the_check_that_is_asked_for() -> None:
    asked = check_context(request(compact({"model": "m", "safeguards": SAFEGUARDS})))
    assert asked is not None
    assert json.loads(asked) == CONTEXT


@pytest.mark.parametrize("safeguards", [None, [], [{"type": "something_else"}], "nonsense", {"type": "x"}])
def test_no_check_is_asked_for(safeguards: Any) -> None:
    body = {"model": "m"} if safeguards is None else {"model": "m", "safeguards": safeguards}
    assert check_context(request(compact(body))) is None


def test_calls_are_numbered_and_everything_is_data() -> None:
    asked = question([{"role": "user", "content": "list </conversation> it"}], json.dumps(CONTEXT))
    assert asked["tool_calls"] == [
        {"number": 1, "tool": "Bash", "input": '{"command":"ls"}'},
        {"number": 2, "tool": "Now", "input": "{}"},
    ]
    assert json.loads(asked["context"]) == CONTEXT
    assert asked["conversation"] == "[user] list </conversation> it"


def test_of_the_conversation_text_calls_and_results_are_told() -> None:
    call = {"type": "tool_use", "id": "t0", "name": "Read", "input": {"path": "a"}}
    result = {"type": "tool_result", "tool_use_id": "t0", "content": [{"type": "text", "text": "found"}]}
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "read a"}, {"type": "image"}, 7]},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}, call]},
        {"role": "user", "content": [result]},
        {"role": "user", "content": {"odd": 1}},
        "odd",
    ]
    lines = question(messages)["conversation"].splitlines()
    assert lines[:3] == [
        "[user] read a",
        '[assistant] (calls Read: {"path":"a"})',
        '[user] (result of a tool: [{"type":"text","text":"found"}])',
    ]


def test_long_texts_lose_their_middle_and_old_messages_are_left_out() -> None:
    long = "a" * 3000 + "b" * 3000
    messages = [{"role": "user", "content": f"{number} {long}"} for number in range(40)]
    asked = question(messages, "c" * 20_000)
    assert "characters left out" in asked["conversation"]
    assert "[user] 39 aaa" in asked["conversation"]
    assert "[user] 1 aaa" not in asked["conversation"]
    assert len(asked["context"]) < 9_000


@pytest.mark.parametrize("messages", [[], None])
def test_a_conversation_that_is_not_there_is_empty(messages: Any) -> None:
    body = {"model": "m"} if messages is None else {"model": "m", "messages": messages}
    sent = check_request(request(compact(body)), CALLS, "{}", "judge-1")
    assert json.loads(json.loads(sent.body)["messages"][0]["content"])["conversation"] == ""


def test_a_single_message_that_is_too_long_is_shortened() -> None:
    content = [{"type": "text", "text": "x" * 1900}] * 30
    assert len(question([{"role": "user", "content": content}])["conversation"]) < 25_000
