"""The real Claude Code, a file to write, and a stream that is cut: the file is right, and no error is on the screen."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from client.claude_code import claude_code
from client.terminal import interactive
from core.continuation.answers import Block, Text, Thinking, ToolCall, stream_of
from fakes.async_test import async_test
from fakes.provider import FakeProvider
from fakes.proxy import TOKEN, running_proxy
from fakes.scripts import answers, stream_error
from fakes.server_connection import Request
from fakes.steps import Body, Cut, Script, Status, Step, Stream

SAID = "I write the file with the verse that you asked for, and then I tell you that it is there."
DONE = "It is written: zebra."
VERSE = "a line\nand another line\n"

CUTS = {"in thinking": 3, "behind thinking": 5, "in text": 8, "behind text": 10, "in the tool call": 12}
"""How many events of the answer come."""
ALLOWED = ("--permission-mode", "default", "--allowedTools", "Write")
DEATHS: dict[str, list[Step]] = {"cut": [Cut()], "overloaded": [stream_error("overloaded_error")]}


def provider(path: Path, cut: int, death: list[Step], *, goes_on: bool = True) -> FakeProvider:
    """Return one that writes a file, breaks off once while it says so, and goes on as it is asked to, or fails then."""
    arguments = json.dumps({"file_path": str(path), "content": VERSE})
    call = ToolCall("Write", [arguments[:20], arguments[20:]])
    whole: list[Block] = [Thinking(["I think ", "about it"]), Text([SAID[:30], SAID[30:61], SAID[61:]]), call]
    broken = list[Request]()

    def answer(request: Request) -> Script:
        body = request.json()
        last = body["messages"][-1]["content"]
        texts = [block.get("text", "") for block in last if isinstance(block, dict)] if isinstance(last, list) else []
        if not body.get("tools") or not body.get("stream"):
            return answers("a title")(request)
        if any(isinstance(block, dict) and block.get("type") == "tool_result" for block in last):
            return stream(Text([DONE]))
        if not broken:
            broken.append(request)
            return [Stream(), Body(b"".join(stream_of(whole, "tool_use")[:cut])), *death]
        asked = next((text for text in texts if "My connection dropped" in text), "")
        if asked and not goes_on:
            return [Status(529)]
        if not asked:
            return stream(*whole, stop_reason="tool_use")
        had = "".join(block.get("text", "") for block in body["messages"][-2]["content"])
        rest: list[Block] = [Text([repeated(asked), SAID.removeprefix(had)])] if had != SAID else []
        return stream(*rest, call, stop_reason="tool_use")

    return FakeProvider(answer)


def repeated(asked: str) -> str:
    return asked.split("\n\n")[1] if "last words that reached me" in asked else ""


def stream(*blocks: Block, stop_reason: str = "end_turn") -> Script:
    return [Stream(), Body(b"".join(stream_of(blocks, stop_reason)))]


def main_requests(served: FakeProvider) -> list[Any]:
    return [body for request in served.requests if request.method == "POST" and (body := request.json()).get("tools")]


Provide = Callable[[Path], FakeProvider]


@pytest.mark.parametrize("death", DEATHS.values(), ids=DEATHS)
@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
@async_test
async def test_a_file_is_written_in_one_turn_of_a_session(cut: int, death: list[Step], tmp_path: Path) -> None:
    claude, path = claude_code(tmp_path), tmp_path / "work" / "verse.txt"
    served = provider(path, cut, death)
    async with running_proxy(served) as proxy:
        environ = {"ANTHROPIC_BASE_URL": proxy.url, "ANTHROPIC_AUTH_TOKEN": TOKEN}
        async with interactive(claude, environ, *ALLOWED) as terminal:
            await terminal.ask("write the verse")
            await terminal.wait_for(lambda: "zebra" in terminal.text, "the last sentence")
            assert "API Error" not in terminal.text
            assert "retrying" not in terminal.text.lower()
    assert path.read_text(encoding="utf-8") == VERSE
    [history] = [body for body in main_requests(served) if "tool_result" in json.dumps(body["messages"][-1])]
    said = [block["text"] for block in history["messages"][-2]["content"] if block["type"] == "text"]
    assert "".join(said) == SAID


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
@async_test
async def test_claude_code_asks_again_by_itself_if_nothing_gives_the_rest(cut: int, tmp_path: Path) -> None:
    claude, path = claude_code(tmp_path), tmp_path / "work" / "verse.txt"
    async with running_proxy(provider(path, cut, [Cut()], goes_on=False)) as proxy:
        environ = {"ANTHROPIC_BASE_URL": proxy.url, "ANTHROPIC_AUTH_TOKEN": TOKEN}
        async with interactive(claude, environ, *ALLOWED) as terminal:
            await terminal.ask("write the verse")
            await terminal.wait_for(lambda: "zebra" in terminal.text, "the last sentence")
            assert "API Error" not in terminal.text
    assert path.read_text(encoding="utf-8") == VERSE


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
@async_test
async def test_a_file_is_written_without_a_terminal(cut: int, tmp_path: Path) -> None:
    claude, path = claude_code(tmp_path), tmp_path / "work" / "verse.txt"
    served = provider(path, cut, [Cut()])
    async with running_proxy(served) as proxy:
        finished = await claude.run(proxy.url, TOKEN, "write the verse", "--allowedTools", "Write")
    assert (finished.code, finished.out) == (0, DONE), finished
    assert path.read_text(encoding="utf-8") == VERSE
