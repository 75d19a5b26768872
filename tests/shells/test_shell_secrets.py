"""The user's own secrets in real shells: no program sees what our modes override, and the shell gets it back."""

from __future__ import annotations

import json
import sys
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping

import pytest

from claude_proxy.cli.shell.activation import API_KEY, BASE_URL, DISCOVERY, HEADERS, KNOWN, TIMEOUT, TOKEN
from claude_proxy.cli.shell.functions import launch_words
from claude_proxy.cli.shell.quoting import Shell, command_line
from claude_proxy.cli.shell.saved import SAVED, SAVED_SHELL
from fakes.command_line import CommandLine
from shells.terminals import POSIX, SHELLS, SHOW_ENVIRONMENT, Said, quick_shell, terminal

SECRETS = {API_KEY: "sk-'0f1e2d3c 4b5a", TOKEN: "a gateway's 7a6b5c4d"}
BEFORE = {**SECRETS, BASE_URL: "https://me:9c8d7e6f@gateway.example", TIMEOUT: "9000000"}
MARKS = ("0f1e2d3c", "7a6b5c4d", "9c8d7e6f")

every_shell = pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell.value)
posix = pytest.mark.parametrize("shell", POSIX, ids=lambda shell: shell.value)


def by_hand(shell: Shell, *words: str) -> str:
    """Return the line that runs the program without the shell's functions."""
    return command_line(shell, [*launch_words(), *words])


def evaluate(shell: Shell, *options: str) -> str:
    """Return the line that evaluates what `env` prints, as docs/shells.md says."""
    call = by_hand(shell, "env", "--shell", shell.value, *options)
    return {
        Shell.FISH: f"{call} | source",
        Shell.POWERSHELL: f"{call} | Out-String | Invoke-Expression",
    }.get(shell, f'eval "$({call})"')


def shown(environ: Mapping[str, str]) -> str:
    """Return an environment as text, with what its words of Base64 hold."""
    decoded = [urlsafe_b64decode(value) for name, value in environ.items() if name.startswith("CLAUDE_PROXY_SAVED")]
    return f"{dict(environ)} {decoded}"


def assert_no_secret(environ: Mapping[str, str]) -> None:
    assert environ[BASE_URL].startswith("http://127.0.0.1:")
    assert SAVED_SHELL not in environ
    assert not [mark for mark in MARKS if mark in shown(environ)]


@every_shell
def test_no_mode_shows_a_program_the_users_own_secrets(shell: Shell, configured: CommandLine) -> None:
    with terminal(shell, configured, BEFORE) as typed:
        normal = typed.variables()
        for line in ("claude-fb", "claude-fb", "claude-switch moonshot"):
            assert typed(line).code == 0
            assert_no_secret(typed.environment())
        typed.reset(keep_proxy=True)
        assert typed.variables() == normal
        assert typed.exported() == BEFORE


@every_shell
def test_no_mode_shows_them_if_claude_code_uses_its_login(shell: Shell, cli: CommandLine, upstream: str) -> None:
    cli.configure_plan(upstream, upstream)
    with terminal(shell, cli, BEFORE) as typed:
        normal = typed.variables()
        for line in ("claude-fb", "claude-switch moonshot", "claude-switch plan"):
            assert typed(line).code == 0
            assert_no_secret(typed.environment())
        typed.reset(keep_proxy=True)
        assert typed.variables() == normal


@every_shell
def test_statements_evaluated_by_hand_show_none_and_restore_all(shell: Shell, configured: CommandLine) -> None:
    with terminal(shell, configured, BEFORE) as typed:
        normal = typed.variables()
        for options in ((), (), ("--provider", "moonshot")):
            assert typed(evaluate(shell, *options)).code == 0
            environ = typed.environment()
            assert_no_secret(environ)
            assert environ[BASE_URL].endswith("/provider/moonshot") is bool(options)
        assert typed(evaluate(shell, "--reset")).text.strip() == ""
        assert typed.variables() == normal
        assert typed.exported() == BEFORE


@every_shell
def test_a_mode_set_by_the_function_is_reset_by_hand_and_the_other_way_round(
    shell: Shell, configured: CommandLine
) -> None:
    with terminal(shell, configured, BEFORE) as typed:
        normal = typed.variables()
        typed("claude-fb")
        typed(evaluate(shell, "--reset"))
        assert typed.variables() == normal
        typed(evaluate(shell))
        typed.reset(keep_proxy=True)
        assert typed.variables() == normal


@every_shell
def test_a_command_that_is_run_gets_no_saved_values_at_all(shell: Shell, configured: CommandLine) -> None:
    line = by_hand(shell, "run", "--", sys.executable, "-I", "-S", "-c", SHOW_ENVIRONMENT)
    with terminal(shell, configured, BEFORE) as typed:
        for before in ("", "claude-fb"):
            typed(before)
            environ = typed.environment(line)
            assert_no_secret(environ)
            assert SAVED not in environ


@posix
def test_a_shell_that_exports_everything_keeps_them_too(shell: Shell, configured: CommandLine) -> None:
    with terminal(shell, configured, {API_KEY: SECRETS[API_KEY]}) as typed:
        typed(f"{TIMEOUT}=7")
        typed("set -a" if shell is Shell.BASH else "setopt all_export warn_create_global")
        assert "CLAUDE_PROXY" not in typed("claude-fb").text
        assert_no_secret(typed.environment())
        typed("claude-switch moonshot")
        assert_no_secret(typed.environment())
        typed.reset(keep_proxy=True)
        assert typed.exported() == {API_KEY: SECRETS[API_KEY]}
        assert typed(f"echo ${TIMEOUT}").out.strip() == "7"


@every_shell
def test_a_shell_below_restores_the_rest_and_names_the_secrets(shell: Shell, configured: CommandLine) -> None:
    before = {**SECRETS, BASE_URL: "https://gateway.example", TIMEOUT: "9000000"}
    with terminal(quick_shell(shell), configured, before) as outer:
        outer("claude-fb")
        inherited = outer.exported()
    with terminal(shell, configured, inherited) as inner:
        inner("claude-switch moonshot")
        said = inner.reset(keep_proxy=True)
        assert said.code == 0
        assert told(said) == ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"]
        assert inner.exported() == {BASE_URL: "https://gateway.example", TIMEOUT: "9000000"}
    if shell is Shell.BASH:
        with terminal(shell, configured, inherited) as inner:
            assert told(inner(evaluate(shell, "--reset"))) == ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"]
            assert inner.exported() == {BASE_URL: "https://gateway.example", TIMEOUT: "9000000"}


def told(said: Said) -> list[str]:
    """Return the variables of which it was said that they are not restored."""
    mark = "Not restored, but unset: "
    (line,) = [line for line in said.text.splitlines() if line.startswith(mark)]
    return sorted(line.removeprefix(mark).split(".")[0].split(", "))


@every_shell
def test_headers_are_restored_in_a_shell_below(shell: Shell, cli: CommandLine, upstream: str) -> None:
    cli.configure_plan(upstream, upstream)
    with terminal(quick_shell(shell), cli, {HEADERS: "X-Team: blue\nX-Key: own"}) as outer:
        outer("claude-fb")
        inherited = outer.exported()
    with terminal(shell, cli, inherited) as inner:
        inner.reset(keep_proxy=True)
        assert inner.exported() == {HEADERS: "X-Team: blue\nX-Key: own"}


@posix
def test_a_forked_shell_restores_everything(shell: Shell, configured: CommandLine) -> None:
    with terminal(shell, configured, BEFORE) as typed:
        typed("claude-fb")
        environ = typed.environment("( claude-reset --keep-proxy; {} )")
        assert {name: value for name, value in environ.items() if name in KNOWN} == BEFORE
        assert_no_secret(typed.environment())


@every_shell
def test_a_terminal_of_the_first_version_is_restored_exactly(shell: Shell, configured: CommandLine) -> None:
    """It kept everything in the exported variable."""
    plain = {name: [value, "exported"] for name, value in BEFORE.items()}
    word = urlsafe_b64encode(json.dumps({**plain, HEADERS: None, "ENABLE_TOOL_SEARCH": None}).encode()).decode()
    led = {BASE_URL: "http://127.0.0.1:9", TOKEN: "of the proxy", "ENABLE_TOOL_SEARCH": "false", SAVED: word}
    for lines in ((), ("claude-fb",), ("claude-switch moonshot",)):
        with terminal(shell, configured, led) as typed:
            for line in lines:
                assert typed(line).code == 0
                assert_no_secret(typed.environment())
            typed.reset(keep_proxy=True)
            assert typed.exported() == BEFORE


def test_a_universal_variable_of_fish_is_exported_again_in_a_bash_below(configured: CommandLine) -> None:
    with terminal(Shell.FISH, configured) as outer:
        outer(f"set -Ux {TIMEOUT} 5; set -Ux {BASE_URL} https://of.all.example; set -Ux {API_KEY} 'sk-own of all'")
        outer("claude-fb")
        assert "sk-own" not in shown(outer.environment())
        inherited = outer.exported()
    with terminal(Shell.BASH, configured, inherited) as inner:
        assert told(inner.reset(keep_proxy=True)) == [API_KEY]
        assert inner.exported() == {TIMEOUT: "5", BASE_URL: "https://of.all.example"}
    with terminal(Shell.FISH, configured, inherited) as inner:
        inner("set -Ux ANTHROPIC_API_KEY 'sk-own of all'")
        assert "Not restored" not in inner.reset(keep_proxy=True).text
        assert inner.exported(API_KEY) == {API_KEY: "sk-own of all"}


# Readonly variables


@posix
@pytest.mark.parametrize("line", ["readonly ANTHROPIC_BASE_URL=https://x.example", "readonly ANTHROPIC_API_KEY"])
def test_a_readonly_variable_is_named_and_nothing_is_changed(shell: Shell, line: str, configured: CommandLine) -> None:
    with terminal(shell, configured, {API_KEY: "sk-own", TIMEOUT: "1"}) as typed:
        typed(line)
        before = typed.variables()
        for mode in ("claude-fb", "claude-switch moonshot"):
            said = typed(mode)
            assert said.code == 1
            assert "readonly in this shell" in said.err
            assert ("ANTHROPIC_BASE_URL" if "URL" in line else "ANTHROPIC_API_KEY") in said.err
            assert "Fallback mode" not in said.err
            assert typed.variables() == before


@posix
def test_a_readonly_variable_that_holds_the_right_value_is_no_obstacle(shell: Shell, configured: CommandLine) -> None:
    with terminal(shell, configured) as typed:
        typed(f"readonly NO_PROXY=a; export {DISCOVERY}=1; readonly {DISCOVERY}")
        normal = typed.variables()
        assert (typed("claude-fb").code, typed("claude-switch moonshot").code) == (0, 0)
        assert typed.exported(BASE_URL)[BASE_URL].endswith("/provider/moonshot")
        typed.reset(keep_proxy=True)
        assert typed.variables() == normal


@posix
def test_a_variable_that_became_readonly_does_not_keep_the_others(shell: Shell, configured: CommandLine) -> None:
    with terminal(shell, configured, BEFORE) as typed:
        typed("claude-fb")
        led = typed.exported()
        typed("readonly ANTHROPIC_AUTH_TOKEN")
        said = typed.reset(keep_proxy=True)
        assert "readonly in this shell: ANTHROPIC_AUTH_TOKEN" in said.text
        assert typed.exported() == {**BEFORE, TOKEN: led[TOKEN]}
