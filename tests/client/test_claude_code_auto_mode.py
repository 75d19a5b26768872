"""The real Claude Code in auto mode, with a model that checks its tool calls."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from claude_proxy.core.routing import Candidate
from client.claude_code import claude_code
from client.terminal import interactive
from core.continuation.answers import Text, ToolCall, stream_of
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import TOKEN, RunningProxy, running_proxy
from fakes.scripts import answers, json_message
from fakes.server_connection import Request
from fakes.steps import Body, Script, Stream

CANNOT_CHECK = "Auto mode can't check actions in this session"
BLOCKED = "Blocked by auto mode"


def working(marker: Path) -> FakeProvider:
    """Return a provider whose model makes one call, and says that it has an answer."""
    command = f"echo made > {marker}; curl -s http://127.0.0.1:9/"

    def answer(request: Request) -> Script:
        body = request.json() if request.method == "POST" else {}
        if not body.get("tools"):
            return answers("a title")(request)
        if "tool_result" in json.dumps(body["messages"][-1]):
            return [Stream(), Body(b"".join(stream_of([Text(["There it is: zebra."])])))]
        call = ToolCall("Bash", [json.dumps({"command": command, "description": "Make it"})])
        return [Stream(), Body(b"".join(stream_of([call], "tool_use")))]

    return FakeProvider(answer)


def judging(word: str) -> FakeProvider:
    return FakeProvider(json_message(json.dumps({"verdicts": {"1": word}})))


def let_check(proxy: RunningProxy) -> None:
    gateway = proxy.proxy._gateway
    object.__setattr__(gateway, "auto_mode", Candidate(gateway.providers[1], "judge-1"))


@pytest.mark.parametrize(("word", "runs"), [("allow", True), ("block", False)])
@async_test
async def test_a_call_runs_if_the_model_allows_it(word: str, *, runs: bool, tmp_path: Path) -> None:
    claude, marker = claude_code(tmp_path), tmp_path / "marker"
    async with running_proxy(working(marker), judging(word)) as proxy:
        let_check(proxy)
        environ = {"ANTHROPIC_BASE_URL": proxy.url, "ANTHROPIC_AUTH_TOKEN": TOKEN}
        async with interactive(claude, environ, "--permission-mode", "auto") as terminal:
            await terminal.ask("make it")
            await terminal.wait_for(lambda: "zebra" in terminal.text, "the last sentence")
            assert CANNOT_CHECK not in terminal.text
            assert (BLOCKED in terminal.text) is not runs
    assert marker.exists() is runs


@async_test
async def test_without_a_model_claude_code_asks(tmp_path: Path) -> None:
    claude, marker = claude_code(tmp_path), tmp_path / "marker"
    async with running_proxy(working(marker)) as proxy:
        environ = {"ANTHROPIC_BASE_URL": proxy.url, "ANTHROPIC_AUTH_TOKEN": TOKEN}
        async with interactive(claude, environ, "--permission-mode", "auto") as terminal:
            await terminal.ask("make it")
            await terminal.wait_for(lambda: CANNOT_CHECK in terminal.text, "the question")
    assert not marker.exists()
