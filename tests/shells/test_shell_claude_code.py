"""The real Claude Code in terminals of different modes at once: each reaches the right provider."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from claude_proxy.cli.shell.quoting import Shell, command_line
from client.claude_code import QUIET, claude_code
from fakes.async_test import async_test
from fakes.command_line import KEYS, CommandLine
from fakes.provider import FakeProvider
from fakes.scripts import answers
from fakes.steps import Status
from shells.terminals import SHELLS, quick_shell, terminal


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell.value)
@async_test
async def test_each_terminal_reaches_its_own_provider(shell: Shell, cli: CommandLine, tmp_path: Path) -> None:
    program = claude_code(tmp_path).program
    async with (
        FakeProvider([Status(429, headers={"retry-after": "600"})]) as busy,
        FakeProvider(answers("hello from the second")) as second,
        FakeProvider(answers("hello from the third")) as third,
    ):
        configure(cli, busy.url, second.url, third.url)

        def type_in_two_terminals() -> list[str]:
            with terminal(shell, cli, QUIET) as pinned, terminal(quick_shell(shell), cli, QUIET) as fallback:
                assert fallback("claude-fb").code == 0
                assert pinned("claude-switch third").code == 0
                said = [fallback(say_hi(fallback.shell, program))]
                fallback.reset(keep_proxy=True)
                said += [pinned(say_hi(pinned.shell, program))]
                pinned.reset()
                return [one.out.strip() for one in said]

        said = await asyncio.to_thread(type_in_two_terminals)
    assert said == ["hello from the second", "hello from the third"]
    assert len(busy.requests) == 1


def say_hi(shell: Shell, claude: str) -> str:
    """Return the line that asks Claude Code, without input: it would read the lines that are still to be typed."""
    line = command_line(shell, [claude, "-p", "say hi"])
    return f"$null | {line}" if shell is Shell.POWERSHELL else f"{line} </dev/null"


def configure(cli: CommandLine, *urls: str) -> None:
    """Write a configuration of providers named first, second and third."""
    cli.configure(*urls)
    document = json.loads(cli.home.config.read_text(encoding="utf-8"))
    key = next(iter(KEYS))
    names = ("first", "second", "third")
    document["providers"] = [
        {"name": name, "base_url": url, "api_key_env": key} for name, url in zip(names, urls, strict=True)
    ]
    cli.home.config.write_text(json.dumps(document), encoding="utf-8")
