from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from claude_proxy.cli.background import plain_http, processes
from claude_proxy.cli.run import IF_ALIAS
from fakes.command_line import PATIENCE, CommandLine

ENDS_IN_TIME = f"import os, signal, sys, time; signal.alarm({PATIENCE:.0f})"
"""The beginning of a command that must not outlive a test that fails."""
SHOW = """
import json, os
token = os.environ["ANTHROPIC_AUTH_TOKEN"]
names = ("ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY")
print(json.dumps({"length": len(token), **{name: os.environ.get(name) for name in names}}))
"""


def test_the_commands_requests_go_through_the_proxy(shared: CommandLine) -> None:
    done = shared("run", "--", sys.executable, "-c", SHOW, environ={"ANTHROPIC_API_KEY": "sk-own"})
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out) == {
        "length": len(shared.token()),
        "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{shared.running().port}",
        "ANTHROPIC_API_KEY": None,
    }


def test_a_provider_can_be_pinned(shared: CommandLine) -> None:
    done = shared("run", "--provider", "moonshot", "--", sys.executable, "-c", SHOW)
    assert json.loads(done.out)["ANTHROPIC_BASE_URL"].endswith("/provider/moonshot")


def test_starts_the_proxy_if_necessary_and_leaves_it_running(cli: CommandLine, upstream: str) -> None:
    cli.configure(upstream)
    done = cli("run", "--", sys.executable, "-c", "print('ran')")
    assert (done.code, done.out) == (0, "ran\n")
    assert done.err.startswith("claude-proxy started at http://127.0.0.1:")
    assert cli("status").code == 0


def test_a_command_without_the_two_dashes_keeps_its_options(shared: CommandLine) -> None:
    done = shared("run", sys.executable, "-c", "import sys; print(sys.argv[1:])", "--help", "--provider", "x", "*")
    assert done.out == "['--help', '--provider', 'x', '*']\n"


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_the_exit_code_is_passed_on(shared: CommandLine, code: int) -> None:
    assert shared("run", "--", sys.executable, "-c", f"raise SystemExit({code})").code == code


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals")
def test_a_command_that_a_signal_ends_gives_128_and_its_number(shared: CommandLine) -> None:
    done = shared("run", "--", sys.executable, "-c", "import os; os.kill(os.getpid(), 15)")
    assert done.code == 128 + 15


def test_rejects_an_unknown_provider_and_lists_the_names(shared: CommandLine) -> None:
    done = shared("run", "--provider", "monshot", "--", sys.executable, "-c", "print('ran')")
    assert (done.code, done.out) == (2, "")
    assert done.err == "error: no provider is named 'monshot'. Choose one of: minimax, moonshot\n"


def test_rejects_a_provider_without_a_key_and_names_the_variable(cli: CommandLine, upstream: str) -> None:
    cli.configure(upstream, upstream)
    cli.home.env.write_text("MINIMAX_API_KEY=sk-minimax-4f9d1c7a2b\n", encoding="utf-8")
    done = cli("run", "--provider", "moonshot", "--", sys.executable, "-c", "print('ran')")
    assert (done.code, done.out) == (2, "")
    assert "MOONSHOT_API_KEY" in done.err


def test_a_command_that_is_not_there_is_127_and_starts_no_proxy(cli: CommandLine, upstream: str) -> None:
    cli.configure(upstream)
    done = cli("run", "--", "no-such-command-anywhere")
    assert (done.code, done.err) == (127, "error: no-such-command-anywhere: command not found\n")
    assert not cli.home.running.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no executable bit")
def test_a_file_that_is_no_program_is_126(shared: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a program", encoding="utf-8")
    assert shared("run", "--", str(file)).code == 126
    file.chmod(0o755)
    file.write_bytes(b"\x7fELF but broken")
    done = shared("run", "--", str(file))
    assert done.code == 126
    assert "cannot be executed" in done.err


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals")
def test_ctrl_c_belongs_to_the_command(shared: CommandLine) -> None:
    code = f"""{ENDS_IN_TIME}
def heard(*_):
    print("heard", flush=True)
    sys.exit(3)
print(signal.getsignal(signal.SIGINT) is signal.default_int_handler, flush=True)
signal.signal(signal.SIGINT, heard)
print(os.getpid(), flush=True)
while True:
    time.sleep(0.02)  # not pause(): a signal just before it would be waited for in vain
"""
    with shared.spawned("run", "--", sys.executable, "-c", code) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"  # the command starts as any other: Ctrl-C is not ignored in it
        child = int(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        os.kill(child, signal.SIGINT)
        assert process.stdout.readline() == "heard\n"
        assert process.wait(PATIENCE) == 3
        assert process.stderr is not None
        assert process.stderr.read() == ""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals")
def test_passes_a_termination_signal_on(shared: CommandLine) -> None:
    code = f"{ENDS_IN_TIME}; print(os.getpid(), flush=True); signal.pause()"
    with shared.spawned("run", "--", sys.executable, "-c", code) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 128 + signal.SIGTERM
    assert not processes.alive(child)


def test_says_how_to_install_claude_if_it_is_missing(cli: CommandLine, upstream: str, tmp_path: Path) -> None:
    cli.configure(upstream)
    done = cli("run", "--", "claude", environ={"PATH": str(tmp_path)})
    hint = "Install Claude Code first: npm install -g @anthropic-ai/claude-code"
    assert (done.code, done.err) == (127, f"error: claude: command not found\n{hint}\n{IF_ALIAS}\n")


@pytest.mark.skipif(os.name == "nt", reason="a script with a first line of POSIX systems")
@pytest.mark.parametrize(
    "place", [".claude/local/claude", ".claude/local/node_modules/.bin/claude", ".local/bin/claude"]
)
def test_finds_a_claude_that_the_shell_knows_by_an_alias_alone(shared: CommandLine, tmp_path: Path, place: str) -> None:
    program = tmp_path / place
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\necho "$ANTHROPIC_BASE_URL" "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    done = shared("run", "--", "claude", "-p", "say hi", environ=environ)
    assert done.code == 0
    assert done.out == f"http://127.0.0.1:{shared.running().port} -p say hi\n"
    assert done.err == f"claude is not on PATH; this is {program}\n"


def test_warns_of_claude_codes_settings_as_claude_fb_does(shared: CommandLine, tmp_path: Path) -> None:
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({"env": {"ANTHROPIC_BASE_URL": "http://127.0.0.1:3456"}}), encoding="utf-8")
    own = {"CLAUDE_CONFIG_DIR": str(tmp_path)}
    done = shared("run", "--", sys.executable, "-c", "print('ran')", environ=own)
    assert (done.code, done.out) == (0, "ran\n")
    assert done.err.startswith(f"warning: env.ANTHROPIC_BASE_URL in {settings} (user settings) overrides")


def test_excepts_this_machine_from_an_http_proxy_in_claude_codes_settings(shared: CommandLine, tmp_path: Path) -> None:
    env = {"HTTPS_PROXY": "http://proxy.corp:3128"}
    (tmp_path / "settings.json").write_text(json.dumps({"env": env}), encoding="utf-8")
    show = "import os; print(os.environ['NO_PROXY'])"
    own = {"CLAUDE_CONFIG_DIR": str(tmp_path), "NO_PROXY": "corp.example"}
    done = shared("run", "--", sys.executable, "-c", show, environ=own)
    assert (done.code, done.out, done.err) == (0, "corp.example,127.0.0.1\n", "")


def test_status_and_doctor_know_a_claude_code_that_its_settings_lead_to_the_proxy(
    shared: CommandLine, tmp_path: Path
) -> None:
    settings, own = tmp_path / "settings.json", {"CLAUDE_CONFIG_DIR": str(tmp_path)}
    url = f"http://127.0.0.1:{shared.running().port}"
    env = {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_AUTH_TOKEN": shared.token()}
    settings.write_text(json.dumps({"env": env}), encoding="utf-8")
    assert f"env in {settings}" in shared("status", environ=own).out.replace("\n", "")
    told = json.loads(shared("doctor", "--json", environ=own).out)["findings"]
    rows = {row["check"]: row["what"] for row in told}
    assert rows["terminal"] == f"fallback, by env in {settings} (user settings)"
    assert rows["settings"].startswith(f"env in {settings} (user settings) sends Claude Code through the proxy")


def test_the_proxy_names_the_settings_file_that_a_wrong_token_is_from(
    cli: CommandLine, upstream: str, tmp_path: Path
) -> None:
    cli.configure(upstream)
    (tmp_path / "settings.json").write_text(json.dumps({"env": {"ANTHROPIC_AUTH_TOKEN": "stale"}}), encoding="utf-8")
    assert cli("start", environ={"CLAUDE_CONFIG_DIR": str(tmp_path)}).code == 0
    request = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: stale\r\nConnection: close\r\n\r\n"
    answer = plain_http.ask(("127.0.0.1", cli.running().port), request, PATIENCE, 65_536)
    assert answer.status == 401
    assert f"env.ANTHROPIC_AUTH_TOKEN in {tmp_path / 'settings.json'} is another one" in answer.body.decode()
