"""Claude Code's auto mode: a model that the user names checks the tool calls of each answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from claude_proxy.core.routing import Candidate
from claude_proxy.proxy import tool_check
from core.continuation.answers import Block, Text, ToolCall, event, message_start, stream_of
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import RunningProxy, running_proxy
from fakes.scripts import message
from fakes.server_connection import Request
from fakes.steps import Body, Cut, Script, Stall, Status, Stream

SAFEGUARDS = [{"type": "dangerous_tool_use", "classifier_context": {"home_dir": "/home/me", "live_cwd": "/work"}}]
LIST = ToolCall("List", ['{"command":', '"ls"}'])
ERASE = ToolCall("Erase", ['{"command":"rm -rf /"}'])
EVALUATED = {"type": "evaluated", "outcome": "not_flagged"}


def stream(*blocks: Block) -> Script:
    return [Stream(), Body(b"".join(stream_of(blocks, "tool_use")))]


def verdicts(*words: str) -> Script:
    said = json.dumps({"verdicts": {str(number): word for number, word in enumerate(words, 1)}})
    content = [{"type": "text", "text": said}]
    body = {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "content": content,
        "stop_reason": "end_turn",
        "usage": {},
    }
    return [Status(200, json.dumps(body).encode())]


def question_of(request: Request) -> dict[str, Any]:
    return dict(json.loads(request.json()["messages"][0]["content"]))


async def results_of(proxy: RunningProxy) -> dict[str, Any]:
    """Ask in auto mode; return what is told of each call."""
    events = await (await proxy.post(safeguards=SAFEGUARDS)).all_events()
    [result] = next(event.data["delta"] for event in events if event.name == "message_delta")["safeguard_results"]
    assert (result["type"], result["status"]["type"]) == ("dangerous_tool_use", "available")
    assert events[-1].name == "message_stop"
    return dict(result["status"]["tool_uses"])


def use(proxy: RunningProxy, name: str = "moonshot") -> None:
    """Name the model that checks."""
    gateway = proxy.proxy._gateway
    provider = next(provider for provider in gateway.providers if provider.name == name)
    object.__setattr__(gateway, "auto_mode", Candidate(provider, "judge-1"))


@async_test
async def test_each_call_gets_its_verdict() -> None:
    first, judge = FakeProvider(stream(Text(["I do it"]), LIST, ERASE)), FakeProvider(verdicts("allow", "block"))
    async with running_proxy(first, judge) as proxy:
        use(proxy)
        told = await results_of(proxy)
        [account] = await proxy.ledger.wait_for_accounts(1)
    assert told == {"toolu_List": EVALUATED, "toolu_Erase": {"type": "evaluated", "outcome": "flagged"}}
    assert "safeguards" not in first.requests[0].json()
    question = question_of(judge.requests[0])
    assert [call["tool"] for call in question["tool_calls"]] == ["List", "Erase"]
    assert json.loads(question["context"])["live_cwd"] == "/work"
    assert judge.requests[0].json()["model"] == "judge-1"
    assert [str(attempt) for attempt in account.attempts] == ["minimax=200"]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ([Status(500)], "error"),
        ([Status(200, b"<html>")], "error"),
        ([Cut()], "error"),
        ([Stall()], "timeout"),
        (message("no JSON"), "error"),
    ],
    ids=["an error", "HTML", "cut", "silence", "a stream"],
)
@async_test
async def test_without_a_verdict_the_client_is_told_so(
    script: Script, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool_check, "PATIENCE", 0.3)
    first, judge = FakeProvider(stream(LIST)), FakeProvider(script)
    async with running_proxy(first, judge) as proxy:
        use(proxy)
        assert await results_of(proxy) == {"toolu_List": {"type": "unavailable", "reason": reason}}


@async_test
async def test_a_call_that_is_too_long_has_no_verdict_and_is_not_asked_about() -> None:
    long = ToolCall("Write", [json.dumps({"text": "x" * 40_000})])
    first, judge = FakeProvider(stream(long, LIST)), FakeProvider(verdicts("allow"))
    async with running_proxy(first, judge) as proxy:
        use(proxy)
        told = await results_of(proxy)
    assert told == {"toolu_Write": {"type": "unavailable", "reason": "input_too_long"}, "toolu_List": EVALUATED}


@async_test
async def test_an_answer_without_calls_needs_no_question() -> None:
    first, judge = FakeProvider(stream(Text(["nothing to do"]))), FakeProvider(verdicts())
    async with running_proxy(first, judge) as proxy:
        use(proxy)
        assert await results_of(proxy) == {}
    assert judge.requests == []


@async_test
async def test_an_answer_that_broke_off_behind_a_call_is_checked_too() -> None:
    whole = stream_of([LIST, Text(["and then"])], "tool_use")
    first, judge = FakeProvider([Stream(), Body(b"".join(whole[:-4])), Cut()]), FakeProvider(verdicts("allow"))
    async with running_proxy(first, judge) as proxy:
        use(proxy)
        assert await results_of(proxy) == {"toolu_List": EVALUATED}


@async_test
async def test_results_of_the_provider_itself_stay() -> None:
    delta = {"stop_reason": "tool_use", "safeguard_results": []}
    own = event("message_delta", delta=delta, usage={})
    events = stream_of([LIST], "tool_use")
    first = FakeProvider([Stream(), Body(b"".join([*events[:-2], own, events[-1]]))])
    judge = FakeProvider(verdicts("allow"))
    async with running_proxy(first, judge) as proxy:
        use(proxy)
        assert own in await (await proxy.post(safeguards=SAFEGUARDS)).read()
    assert judge.requests == []


@pytest.mark.parametrize("named", [True, False])
@async_test
async def test_nothing_is_checked_unless_the_client_asks_and_a_model_is_named(*, named: bool) -> None:
    first, judge = FakeProvider(stream(LIST)), FakeProvider(verdicts("allow"))
    async with running_proxy(first, judge) as proxy:
        if named:
            use(proxy)
        answer = await proxy.post() if named else await proxy.post(safeguards=SAFEGUARDS)
        assert b"safeguard_results" not in await answer.read()
    assert judge.requests == []


@async_test
async def test_pings_go_on_while_the_check_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool_check, "PATIENCE", 0.5)
    first, judge = FakeProvider(stream(LIST)), FakeProvider([Stall()])
    async with running_proxy(first, judge, ping_after=0.05, ping_interval=0.05) as proxy:
        use(proxy)
        body = await (await proxy.post(safeguards=SAFEGUARDS)).read()
    assert body.count(b"event: ping") > 1
    assert message_start()[:20] in body
