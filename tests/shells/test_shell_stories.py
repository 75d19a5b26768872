"""The four functions in real shells: from normal to fallback, to one provider, and back to exactly what was before."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import urllib.request
from pathlib import Path
from urllib.error import HTTPError

import pytest

from claude_proxy.cli.background import processes
from claude_proxy.cli.background.processes import until
from claude_proxy.cli.shell.activation import BASE_URL, DISCOVERY, TOKEN
from claude_proxy.cli.shell.quoting import Shell
from claude_proxy.cli.shell.saved import SAVED, SAVED_SHELL
from fakes.command_line import PATIENCE, CommandLine
from fakes.scripts import json_answer
from fakes.steps import Reached, Wait
from fakes.threaded import serving
from shells.terminals import POSIX, SHELLS, Terminal, loading, quick_shell, terminal

NASTY = (
    " -n 'a' \"b\" $HOME ${x} `id` $(id) \\ \\' !! * ~ % ; | & <\t"
    "# \u2018x\u2019 \u201ay\u201b \u201cz\u201d é ß 日本 😀\nsecond line\n\n"
)
BEFORE = {
    "ANTHROPIC_BASE_URL": "https://gateway.example/with a space",
    "ANTHROPIC_AUTH_TOKEN": NASTY,
    "ANTHROPIC_API_KEY": f"-e{NASTY}'",
    "ANTHROPIC_MODEL": f"kimi'{NASTY}",
    "API_TIMEOUT_MS": "",
    "ENABLE_TOOL_SEARCH": "'",
    "CLAUDE_CODE_USE_BEDROCK": "1",
    "NO_PROXY": "corp.example",
    "HTTPS_PROXY": "http://proxy.corp.example:3128",
}

from_nothing_and_from_much = pytest.mark.parametrize(
    ("shell", "before"),
    [pytest.param(Shell.BASH, {}, id="bash-nothing"), *[pytest.param(s, BEFORE, id=f"{s.value}-much") for s in SHELLS]],
)
"""How each shell sets and restores is seen from much; that nothing is restored to nothing is not the shell's doing."""

every_shell = pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell.value)
with_scopes = pytest.mark.parametrize("shell", [*POSIX, Shell.FISH], ids=lambda shell: shell.value)


def url(cli: CommandLine) -> str:
    return f"http://127.0.0.1:{cli.running().port}"


@from_nothing_and_from_much
def test_activates_and_resets_a_terminal(shell: Shell, before: dict[str, str], configured: CommandLine) -> None:
    with terminal(shell, configured, before) as typed:
        normal = typed.variables()
        assert typed.exported() == {name: value for name, value in before.items() if name != "HTTPS_PROXY"}

        assert typed("claude-fb").code == 0
        led = typed.exported()
        assert (led[BASE_URL], led[TOKEN], led[DISCOVERY]) == (url(configured), configured.token(), "1")
        assert not {"ANTHROPIC_API_KEY", "ANTHROPIC_MODEL", "CLAUDE_CODE_USE_BEDROCK"} & set(led)
        assert led.get("NO_PROXY") == ("corp.example,127.0.0.1" if before else None)

        assert typed("claude-fb").code == 0
        assert typed.exported() == led
        assert typed("claude-switch moonshot").code == 0
        assert typed.exported() == {**led, BASE_URL: f"{url(configured)}/provider/moonshot"}
        assert typed("claude-fb").code == 0
        assert typed.exported() == led

        assert "back to normal" in typed.reset(keep_proxy=True).text
        assert typed.variables() == normal
        assert "was not using the proxy" in typed.reset(keep_proxy=True).text
        assert typed.variables() == normal


@with_scopes
def test_what_was_not_exported_is_not_exported_again(shell: Shell, configured: CommandLine) -> None:
    with terminal(shell, configured) as typed:
        for name in ("ANTHROPIC_API_KEY", "API_TIMEOUT_MS", BASE_URL):
            typed(f"set -g {name} 'it is '" if shell is Shell.FISH else f"{name}='it is '")
        normal = typed.variables()
        assert typed.exported() == {}
        typed("claude-fb")
        typed("claude-switch moonshot")
        led = typed.exported()
        assert led[BASE_URL].endswith("/provider/moonshot")
        assert SAVED_SHELL not in led
        assert "ANTHROPIC_API_KEY" not in led
        typed.reset(keep_proxy=True)
        assert typed.variables() == normal


@with_scopes
def test_a_shell_started_in_the_terminal_can_reset_too(shell: Shell, configured: CommandLine) -> None:
    before = {"ANTHROPIC_MODEL": NASTY, BASE_URL: "https://gateway.example", "CLAUDE_CODE_USE_BEDROCK": ""}
    with terminal(shell, configured, {**before, "ANTHROPIC_API_KEY": "key of mine"}) as outer:
        outer("claude-fb")
        inherited = outer.exported()
    with terminal(shell, configured, inherited) as inner:
        said = inner.reset(keep_proxy=True)
        assert inner.exported() == before
        assert "Not restored, but unset: ANTHROPIC_API_KEY." in said.text


def test_universal_variables_of_fish_are_hidden_here_and_stay_everywhere_else(configured: CommandLine) -> None:
    with terminal(Shell.FISH, configured) as typed:
        typed("set -Ux ANTHROPIC_API_KEY 'of all terminals'; set -Ux ANTHROPIC_BASE_URL https://of.all.example")
        normal = typed.variables()
        typed("claude-fb")
        typed("claude-switch moonshot")
        led = typed.exported()
        assert led[BASE_URL] == f"{url(configured)}/provider/moonshot"
        assert led["ANTHROPIC_API_KEY"] == ""
        assert typed("set --show ANTHROPIC_API_KEY").out.count("|of all terminals|") == 1
        typed.reset(keep_proxy=True)
        assert typed.variables() == normal
        assert typed.exported(BASE_URL) == {BASE_URL: "https://of.all.example"}


def test_lists_of_fish_come_back_as_lists(configured: CommandLine) -> None:
    with terminal(Shell.FISH, configured, {"HTTPS_PROXY": "http://proxy.corp.example:3128"}) as typed:
        typed(
            "set -gx NO_PROXY a.example '' 'b, =%20' 'c\\nd é'; set -gx ANTHROPIC_MODEL; set -gx API_TIMEOUT_MS '' ''"
        )
        typed("set -g ANTHROPIC_API_KEY one two; set -gx ANTHROPIC_CUSTOM_HEADERS x: y")
        normal, exported = typed.variables(), typed.exported()
        assert typed("claude-fb").code == 0
        assert typed.exported("NO_PROXY") == {"NO_PROXY": f"{exported['NO_PROXY']},127.0.0.1"}
        typed("claude-switch moonshot")
        inherited = typed.exported()
        typed.reset(keep_proxy=True)
        assert typed.variables() == normal
    with terminal(Shell.BASH, configured, inherited) as inner:
        inner.reset(keep_proxy=True)
        assert inner.exported() == exported


def wait_for_log(cli: CommandLine, words: str) -> None:
    """Wait until the proxy has noted this: a look at its log costs less than a command."""
    assert until(lambda: words in cli.home.log.read_text(encoding="utf-8") or None, PATIENCE)


@every_shell
def test_claude_fb_shows_the_order_the_cooldowns_and_the_missing_keys(shell: Shell, cli: CommandLine) -> None:
    with serving(json_answer(429, retry_after="600")) as busy, serving(json_answer(200)) as steady:
        cli.configure(busy, steady)
        document = json.loads(cli.home.config.read_text(encoding="utf-8"))
        document["providers"].append({"preset": "zai"})
        cli.home.config.write_text(json.dumps(document), encoding="utf-8")
        with terminal(shell, cli) as typed:
            told = typed("claude-fb").text
            assert f"claude-proxy started at {url(cli)}" in told
            lines = [line.split() for line in told.splitlines()]
            assert ["1.", "minimax", "ready"] in lines
            assert ["2.", "moonshot", "ready"] in lines
            assert "zai has no key (set ZAI_API_KEY" in told
            ask(typed)
            assert "minimax   cooling down until" in typed("claude-fb").text
            status = typed("claude-status").text
            assert "cooldown until" in status
            assert "This terminal: fallback mode" in status


def ask(typed: Terminal) -> None:
    """Send a request as Claude Code would, from inside the terminal's environment."""
    environ = typed.exported(BASE_URL, TOKEN)
    request = urllib.request.Request(  # noqa: S310 - our own proxy
        environ[BASE_URL] + "/v1/messages",
        json.dumps(
            {"model": "claude-opus-5-5", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
        ).encode(),
        {"Authorization": f"Bearer {environ[TOKEN]}", "Content-Type": "application/json"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=PATIENCE) as answer:
        answer.read()


@every_shell
def test_rejects_an_unknown_provider_and_lists_the_names(shell: Shell, configured: CommandLine) -> None:
    with terminal(shell, configured) as typed:
        typed("claude-fb")
        before = typed.variables()
        for line in ("claude-switch monshot", "claude-switch 'no such; echo $x'"):
            said = typed(line)
            assert said.code == (1 if shell is Shell.POWERSHELL else 2)
            assert "Choose one of: minimax, moonshot" in said.text
        assert typed.variables() == before


@every_shell
def test_help_is_shown_and_not_evaluated(shell: Shell, configured: CommandLine) -> None:
    with terminal(shell, configured) as typed:
        line = "Get-Help claude-reset | Out-String" if shell is Shell.POWERSHELL else "claude-reset --help"
        said = typed(line)
        assert said.code == 0
        assert "Restores" in said.text or "restore" in said.text
        assert "Keep" in said.text or "--keep-proxy" in said.text
        if shell is not Shell.POWERSHELL:
            assert said.out == ""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
@every_shell
def test_restarts_a_killed_proxy_with_the_key_that_was_unset(shell: Shell, cli: CommandLine, upstream: str) -> None:
    port = cli.configure(upstream)
    document = json.loads(cli.home.config.read_text(encoding="utf-8"))
    document["providers"] = [{"name": "own", "base_url": upstream, "api_key_env": "ANTHROPIC_API_KEY"}]
    cli.home.config.write_text(json.dumps(document), encoding="utf-8")
    with terminal(shell, cli, {"ANTHROPIC_API_KEY": "key-of-the-terminal"}) as typed:
        assert typed("claude-fb").code == 0
        first = cli.running()
        os.kill(first.pid, signal.SIGKILL)
        assert until(lambda: None if processes.alive(first.pid) else True, PATIENCE)
        status = typed("claude-status").text
        assert "is not running" in status
        assert "Type claude-fb again" in status
        assert typed("claude-fb").code == 0
        assert cli.running().pid != first.pid
        assert typed.exported(BASE_URL)[BASE_URL] == f"http://127.0.0.1:{port}"
        document["providers"].append({**document["providers"][0], "name": "another"})
        cli.home.config.write_text(json.dumps(document), encoding="utf-8")  # a change needs the key again
        wait_for_log(cli, "configuration reloaded")
        assert "another" in typed("claude-status").text
        assert "claude-proxy stopped" in typed.reset().text
        assert typed.exported() == {"ANTHROPIC_API_KEY": "key-of-the-terminal"}


@every_shell
def test_a_broken_configuration_starts_nothing_and_changes_nothing(shell: Shell, cli: CommandLine) -> None:
    cli.home.config.write_text('{"providers": [{"preset": "minimx"}]', encoding="utf-8")
    with terminal(shell, cli, {BASE_URL: "https://before.example"}) as typed:
        before = typed.variables()
        for line in ("claude-fb", "claude-switch minimax"):
            said = typed(line)
            assert said.code == (1 if shell is Shell.POWERSHELL else 2)
            assert "config.json" in said.text
        assert typed.variables() == before
        assert "direct, claude is not using the proxy" in typed("claude-status").text


@every_shell
def test_a_change_with_a_fault_leaves_the_running_proxy_usable(shell: Shell, configured: CommandLine) -> None:
    with terminal(shell, configured) as typed:
        typed("claude-fb")
        led = typed.exported()
        configured.home.config.write_text("{", encoding="utf-8")
        wait_for_log(configured, "configuration cannot be used")
        assert "cannot be used" in typed("claude-status").text
        said = typed("claude-fb")
        assert said.code == 0
        assert "The changed configuration cannot be used" in said.text
        assert typed.exported()[BASE_URL] == led[BASE_URL]
        assert typed("claude-switch moonshot").code == 0


@every_shell
def test_names_the_variables_if_no_key_is_set(shell: Shell, configured: CommandLine) -> None:
    configured.home.env.unlink()
    with terminal(shell, configured) as typed:
        before = typed.variables()
        said = typed("claude-fb")
        assert said.code != 0
        assert "no provider has its key" in said.text
        assert "MINIMAX_API_KEY" in said.text
        assert typed.variables() == before


@every_shell
def test_two_terminals_have_two_modes_and_reset_separately(shell: Shell, configured: CommandLine) -> None:
    with terminal(shell, configured) as one, terminal(quick_shell(shell), configured) as other:
        one("claude-fb")
        other("claude-switch moonshot")
        assert one.exported(BASE_URL)[BASE_URL] == url(configured)
        assert other.exported(BASE_URL)[BASE_URL] == f"{url(configured)}/provider/moonshot"
        assert "pinned to moonshot" in other("claude-status").text
        one.reset(keep_proxy=True)
        assert one.exported() == {}
        assert other.exported(BASE_URL)[BASE_URL] == f"{url(configured)}/provider/moonshot"
        assert "is running" in other("claude-status").text


@every_shell
@pytest.mark.parametrize("force", [False, True], ids=["waits", "cuts"])
def test_reset_waits_for_other_terminals_unless_forced(shell: Shell, force: bool, cli: CommandLine) -> None:
    asked, released = threading.Event(), threading.Event()
    with serving([Reached(asked), Wait(released), *json_answer(200)]) as provider:
        cli.configure(provider)
        with terminal(shell, cli) as one, terminal(quick_shell(shell), cli) as other:
            one("claude-fb")
            other("claude-fb")
            answers: list[str] = []
            request = threading.Thread(target=lambda: answers.append(outcome(other)))
            request.start()
            assert asked.wait(PATIENCE)
            release = threading.Thread(target=release_once_it_stops, args=(cli, released))
            if not force:
                release.start()
            said = one.reset(force=force)
            released.set()
            request.join(PATIENCE)
            if not force:
                release.join(PATIENCE)
            assert ("cutting" if force else "waiting for") + " 1 request in flight" in said.text
            assert "claude-proxy stopped" in said.text
            assert answers == ["cut" if force else "answered"]
            assert SAVED not in one.exported()


def outcome(typed: Terminal) -> str:
    try:
        ask(typed)
    except HTTPError as error:
        error.close()
        return "cut"
    except OSError:
        return "cut"
    return "answered"


def release_once_it_stops(cli: CommandLine, released: threading.Event) -> None:
    """Let the provider answer once the proxy takes no more requests."""
    assert until(lambda: None if is_listening(cli.running().port) else True, PATIENCE)
    assert "is stopping" in cli("status").out
    released.set()


def is_listening(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True


@every_shell
def test_warns_of_claude_codes_settings_that_override_ours(shell: Shell, configured: CommandLine) -> None:
    with terminal(shell, configured) as typed:
        place = typed.errors.parent
        own, project = place / ".claude", place / "project" / ".claude"
        for folder, name, key in (
            (own, "settings.json", BASE_URL),
            (project, "settings.json", "ANTHROPIC_API_KEY"),
            (project, "settings.local.json", "ANTHROPIC_MODEL"),
        ):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(json.dumps({"env": {key: "https://elsewhere.example"}}), encoding="utf-8")
        typed("cd project")
        for line in ("claude-fb", "claude-status", "claude-switch moonshot"):
            told = typed(line).text
            for file, key in (
                (own / "settings.json", BASE_URL),
                (project / "settings.json", "ANTHROPIC_API_KEY"),
                (project / "settings.local.json", "ANTHROPIC_MODEL"),
            ):
                assert any(str(file) in row and key in row for row in told.splitlines()), (line, file, told)


@every_shell
def test_does_not_run_the_listed_names(shell: Shell, cli: CommandLine) -> None:
    if shell is Shell.POWERSHELL:
        return  # its function takes no --list
    cli.configure(*["http://127.0.0.1:9"] * 2)
    text = cli.home.config.read_text(encoding="utf-8")
    cli.home.config.write_text(text.replace('"moonshot"', '"exit"'), encoding="utf-8")
    with terminal(shell, cli) as one:
        assert "exit" in one("claude-switch --list").text
        assert "still here" in one("echo still here").out


@pytest.mark.parametrize("shell", [Shell.BASH, Shell.ZSH], ids=lambda shell: shell.value)
def test_replaces_an_alias_of_the_same_name(shell: Shell, cli: CommandLine, tmp_path: Path) -> None:
    cli.configure("http://127.0.0.1:9")
    with terminal(shell, cli) as one:
        one("shopt -s expand_aliases 2>/dev/null; alias claude-fb=false claude-reset=false")
        one(loading(shell, tmp_path, None))
        assert "was not using the proxy" in one.reset(keep_proxy=True).text
