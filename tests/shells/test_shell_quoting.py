"""Whatever a value holds, it arrives in the shell as it is."""

from __future__ import annotations

import random
import sys

import pytest

from claude_proxy.cli.shell.activation import MANAGED, Change
from claude_proxy.cli.shell.functions import functions
from claude_proxy.cli.shell.quoting import Shell, command_line, quote, statements
from claude_proxy.cli.shell.saved import Scope, Variable
from fakes.command_line import CommandLine
from shells.terminals import POSIX, SHELLS, terminal

VALUES = [
    "",
    " ",
    "-n",
    "--",
    "'",
    "''",
    "'\\''",
    '"',
    "\\",
    "\\\\'",
    "$HOME ${HOME} $(id) `id` $env:HOME %HOME%",
    "a\nb\r\n\tc\n",
    "!!",
    "~",
    "*?[a-z]{1,2}",
    "; | & > < ( ) #",
    "\u2018typographic\u2019 \u201alow\u201b \u201cdouble\u201d \u201elow\u201f",
    "é ß 日本語 😀 \u00a0\u200b\u202e",
    "\x01\x1b[31m\x7f\x85",
    "@(1) @'\nx\n'@ ,@{}",
    "x" * 10_000,
]
ALPHABET = "ab \t\n'\"\\$`!%&|;<>(){}[]*?~#@^=-_.,:\u2018\u2019\u201a\u201b\u201cé日😀\x01"

every_shell = pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell.value)


def random_values(count: int, seed: int = 4) -> list[str]:
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    return ["".join(chance.choices(ALPHABET, k=chance.randrange(1, 40))) for _ in range(count)]


@every_shell
def test_values_arrive_as_they_are(shell: Shell, cli: CommandLine) -> None:
    values = VALUES + random_values(60)
    with terminal(shell, cli) as typed:
        if shell is Shell.POWERSHELL:
            typed("$ConfirmPreference = 'Low'")  # of a user who wants to be asked before anything
        for start in range(0, len(values), len(MANAGED)):
            wanted = dict(zip(MANAGED, values[start:], strict=False))
            evaluate = statements(shell, [Change(name, Variable(value)) for name, value in wanted.items()])
            file = typed.errors.with_name("statements.ps1")
            file.write_text(evaluate, encoding="utf-8", newline="")
            assert typed(f"{'.' if shell is Shell.POWERSHELL else 'source'} '{file}'").err == ""
            assert typed.exported(*MANAGED) == wanted
            file.write_text(statements(shell, [Change(name, None) for name in wanted]), encoding="utf-8")
            assert typed(f"{'.' if shell is Shell.POWERSHELL else 'source'} '{file}'").err == ""
            assert typed.exported(*MANAGED) == {}


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="an environment there holds text, not bytes")
@pytest.mark.parametrize("shell", [*POSIX, Shell.FISH], ids=lambda shell: shell.value)
def test_bytes_that_are_no_text_come_back(shell: Shell, configured: CommandLine) -> None:
    value = b"caf\xe9 \xff'".decode(errors="surrogateescape")
    with terminal(shell, configured, {"ANTHROPIC_API_KEY": value}) as typed:
        typed("claude-fb")
        assert "ANTHROPIC_API_KEY" not in typed.exported()
        typed.reset(keep_proxy=True)
        assert typed.exported() == {"ANTHROPIC_API_KEY": value}


@every_shell
def test_words_of_a_command_arrive_as_they_are(shell: Shell, cli: CommandLine) -> None:
    words = [value for value in VALUES if "\n" not in value and value and len(value) < 1000]
    with terminal(shell, cli) as typed:
        said = typed(command_line(shell, [sys.executable, "-c", "import sys; print(ascii(sys.argv[1:]))", *words]))
    assert said.out.strip() == ascii(words)


def test_powershell_gets_one_line_of_plain_ascii() -> None:
    for value in [*VALUES, *random_values(200)]:
        line = quote(Shell.POWERSHELL, value)
        assert line.isascii(), value
        assert line.isprintable(), value
        assert "\u2019" not in line, value


def test_powershell_gets_units_of_utf_16() -> None:
    assert quote(Shell.POWERSHELL, "a\u2019b") == "('' + 'a' + [char]0x2019 + 'b')"
    assert quote(Shell.POWERSHELL, "😀\ud800") == "('' + [char]0xD83D + [char]0xDE00 + [char]0xD800)"


def test_a_variable_of_the_shell_alone_is_not_exported() -> None:
    change = Change("API_TIMEOUT_MS", Variable("1", Scope.SHELL))
    assert statements(Shell.BASH, [change]) == "unset -v API_TIMEOUT_MS\nAPI_TIMEOUT_MS='1'\nexport -n API_TIMEOUT_MS\n"
    assert statements(Shell.FISH, [change]) == "set -gu API_TIMEOUT_MS '1'\n"


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for Python is a shell script")
@pytest.mark.parametrize("shell", [*POSIX, Shell.FISH], ids=lambda shell: shell.value)
def test_the_program_is_called_by_its_path_whatever_that_holds(
    shell: Shell, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = cli.home.root / 'it\'s a "place" with $HOME & é'
    folder.mkdir()
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setattr(sys, "prefix", str(folder))
    text = functions(shell)
    assert "place" in text
    with terminal(shell, cli, functions=text) as typed:
        assert "claude-proxy is not running" in typed("claude-status").text
