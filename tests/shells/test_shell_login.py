"""Claude Code's own login in real shells: our token beside it, in a header; there and back, and by turns."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from claude_proxy.cli.shell.activation import HEADERS, TOKEN
from claude_proxy.cli.shell.quoting import Shell, command_line
from client.claude_code import QUIET, claude_code
from fakes.async_test import async_test
from fakes.command_line import CommandLine
from fakes.provider import FakeProvider
from fakes.scripts import answers
from shells.terminals import POSIX, SHELLS, quick_shell, terminal

LOGIN = "sk-ant-oat01-made-up"
NASTY = (
    "X-Quotes: it's \"b\" `id` $(id) $HOME %PATH% \\ \\' \u2018x\u2019 é 日本 😀\n"
    "X-Second:\t; | & < > # * ! ~ @'\n"
    "x-team: blue"
)
BEFORE = {HEADERS: NASTY, TOKEN: "of another gateway", "CLAUDE_CODE_OAUTH_TOKEN": LOGIN}

from_nothing_and_from_much = pytest.mark.parametrize(
    ("shell", "before"),
    [pytest.param(Shell.BASH, {}, id="bash-nothing"), *[pytest.param(s, BEFORE, id=f"{s.value}-much") for s in SHELLS]],
)
"""How each shell sets and restores is seen from much; that nothing is restored to nothing is not the shell's doing."""

every_shell = pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell.value)
with_scopes = pytest.mark.parametrize("shell", [*POSIX, Shell.FISH], ids=lambda shell: shell.value)


@pytest.fixture
def planned(cli: CommandLine, upstream: str) -> CommandLine:
    """The command, with a provider named plan that takes the login, and one named moonshot that takes a key."""
    cli.configure_plan(upstream, upstream)
    return cli


def by_header(before: Mapping[str, str], token: str) -> dict[str, str]:
    """Return what is exported where the token is in a header."""
    ours = f"x-claude-proxy-token: {token}"
    return {HEADERS: f"{before[HEADERS]}\n{ours}" if HEADERS in before else ours}


@from_nothing_and_from_much
def test_switches_between_providers_and_back(shell: Shell, before: dict[str, str], planned: CommandLine) -> None:
    names = (HEADERS, TOKEN, "CLAUDE_CODE_OAUTH_TOKEN")
    kept = {name: value for name, value in before.items() if name == "CLAUDE_CODE_OAUTH_TOKEN"}
    with terminal(shell, planned, before) as typed:
        normal = typed.variables()
        assert "1. plan      ready - with Claude Code's own login" in typed("claude-fb").text
        own = {**kept, **by_header(before, planned.token())}
        by_key = {**kept, TOKEN: planned.token(), **({HEADERS: before[HEADERS]} if before else {})}
        assert typed.exported(*names) == own
        for line, expected in (
            ("claude-switch moonshot", by_key),
            ("claude-switch moonshot", by_key),
            ("claude-switch plan", own),
            ("claude-fb", own),
        ):
            assert typed(line).code == 0
            assert typed.exported(*names) == expected, line
        assert "fallback mode" in typed("claude-status").text
        typed.reset(keep_proxy=True)
        assert typed.variables() == normal
        assert typed.exported(*names) == before


@with_scopes
def test_headers_that_were_not_exported_are_not_exported_again(shell: Shell, planned: CommandLine) -> None:
    with terminal(shell, planned) as typed:
        typed(f"set -g {HEADERS} 'X-Team: blue'" if shell is Shell.FISH else f"{HEADERS}='X-Team: blue'")
        normal = typed.variables()
        typed("claude-fb")
        assert typed.exported(HEADERS) == by_header({HEADERS: "X-Team: blue"}, planned.token())
        typed("claude-switch moonshot")
        assert typed.exported(HEADERS) == {}
        typed("claude-fb")
        typed.reset(keep_proxy=True)
        assert typed.variables() == normal


@every_shell
def test_a_shell_started_in_the_terminal_can_reset_too(shell: Shell, planned: CommandLine) -> None:
    with terminal(quick_shell(shell), planned, {HEADERS: NASTY}) as outer:
        outer("claude-fb")
        inherited = outer.exported()
    with terminal(shell, planned, inherited) as inner:
        inner("claude-switch plan")
        assert inner.exported(HEADERS) == by_header({HEADERS: NASTY}, planned.token())
        inner.reset(keep_proxy=True)
        assert inner.exported() == {HEADERS: NASTY}


@every_shell
def test_replaces_a_header_of_ours_from_before(shell: Shell, planned: CommandLine) -> None:
    with terminal(shell, planned, {HEADERS: "X-Team: blue\nx-claude-proxy-token: of-an-older-proxy"}) as typed:
        typed("claude-fb")
        assert typed.exported(HEADERS) == by_header({HEADERS: "X-Team: blue"}, planned.token())
        typed("claude-switch moonshot")
        assert typed.exported(HEADERS) == {HEADERS: "X-Team: blue"}


def test_universal_variables_of_fish_are_hidden_here_and_stay_everywhere_else(planned: CommandLine) -> None:
    with terminal(Shell.FISH, planned) as typed:
        typed(f"set -Ux {HEADERS} 'X-Team: blue'; set -Ux {TOKEN} 'of another gateway'")
        normal = typed.variables()
        typed("claude-fb")
        assert typed.exported(HEADERS, TOKEN) == {**by_header({HEADERS: "X-Team: blue"}, planned.token()), TOKEN: ""}
        typed("claude-switch moonshot")
        assert typed.exported(HEADERS, TOKEN) == {HEADERS: "X-Team: blue", TOKEN: planned.token()}
        typed.reset(keep_proxy=True)
        assert typed.variables() == normal


@every_shell
@async_test
async def test_the_real_claude_code_sends_its_login_to_its_plan_only(
    shell: Shell, cli: CommandLine, tmp_path: Path
) -> None:
    claude = command_line(shell, [claude_code(tmp_path).program, "-p", "say hi"])
    # it would read the lines that are still to be typed
    claude = f"$null | {claude}" if shell is Shell.POWERSHELL else f"{claude} </dev/null"
    async with FakeProvider(answers("of the plan")) as plan, FakeProvider(answers("of moonshot")) as other:
        cli.configure_plan(plan.url, other.url)

        def type_in_a_terminal() -> list[str]:
            before = {**QUIET, "CLAUDE_CODE_OAUTH_TOKEN": LOGIN, HEADERS: "X-Team: blue"}
            with terminal(shell, cli, before) as typed:
                typed("claude-fb")
                said = [typed(claude)]
                typed("claude-switch moonshot")
                said += [typed(claude)]
                typed.reset()
                return [one.out.strip() for one in said]

        assert await asyncio.to_thread(type_in_a_terminal) == ["of the plan", "of moonshot"]
    shown = [(one.header("authorization"), one.header("x-team")) for one in plan.requests]
    assert shown == [(f"Bearer {LOGIN}", "blue")]
    assert LOGIN not in str(other.requests)
    assert cli.token() not in str(plan.requests) + str(other.requests)
