"""The command `doctor`, run as a user runs it."""

from __future__ import annotations

import json
import os
import shlex
import stat
import subprocess
import sys
from datetime import UTC, datetime
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from claude_proxy.cli import doctor as command
from claude_proxy.cli.checks.context import CheckContext
from claude_proxy.cli.shell import activation
from claude_proxy.cli.shell.activation import Activation
from claude_proxy.core.client_requirements import ClientRequirements
from claude_proxy.store.home import Home
from claude_proxy.store.running import Running
from fakes.command_line import CommandLine, listening
from fakes.scripts import json_answer
from fakes.steps import Script
from fakes.threaded import serving

posix = pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
Row = dict[str, Any]


@pytest.fixture(autouse=True)
def closed(cli: CommandLine) -> None:
    """Let no one else look into the home, as after a first start."""
    cli.home.root.chmod(0o700)


def findings(cli: CommandLine, *options: str, code: int, environ: dict[str, str] | None = None) -> list[Row]:
    """Run the command, and return what it found, save what is as it should be."""
    done = cli("doctor", "--json", *options, environ=environ)
    assert (done.code, done.err) == (code, ""), done
    document = json.loads(done.out)
    assert document["home"] == str(cli.home.root)
    rows: list[Row] = document["findings"]
    return [row for row in rows if row["verdict"] != "ok" and row["check"] != "shell"]


def checks(rows: list[Row]) -> list[tuple[str, str]]:
    return [(row["check"], row["verdict"]) for row in rows]


def test_finds_nothing_wrong_in_a_correct_setup(shared: CommandLine) -> None:
    environ = {
        "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{shared.running().port}",
        "ANTHROPIC_AUTH_TOKEN": shared.token(),
        "CLAUDE_PROXY_SHELL": "bash",
    }
    done = shared("doctor", environ=environ)
    assert (done.code, done.err) == (0, "")
    rows = [line.split(maxsplit=2) for line in done.out.splitlines()]
    assert {row[0] for row in rows} == {"ok"}
    assert {row[1] for row in rows} == {
        *("python:", "home:", "private:", "configuration:", "proxy:", "token:"),
        *("shell:", "terminal:", "settings:", "clock:"),
    }
    assert "the functions for bash are loaded" in done.out
    assert "terminal: fallback" in done.out


def test_a_proxy_that_does_not_run_is_no_fault(cli: CommandLine) -> None:
    cli.configure("http://127.0.0.1:9")
    (row,) = findings(cli, code=0)
    assert (row["check"], row["verdict"], row["fix"]) == ("proxy", "note", "Run: claude-proxy start")
    assert "\n        Run: claude-proxy start\n" in cli("doctor").out


def test_says_what_an_empty_home_lacks(cli: CommandLine) -> None:
    rows = findings(cli, code=1)
    assert checks(rows) == [("configuration", "wrong"), ("proxy", "note")]
    cli.home.root.rmdir()
    rows = findings(cli, code=1)
    assert checks(rows)[0] == ("home", "wrong")
    cli.home.root.mkdir()


def test_reports_each_fault_of_the_configuration_and_no_key(cli: CommandLine) -> None:
    cli.configure("ftp://x", "http://127.0.0.1:9", cooldown_minutes=-1)
    rows = [row for row in findings(cli, code=1) if row["check"] == "configuration"]
    assert len(rows) == 2
    assert all(row["verdict"] == "wrong" and row["fix"] for row in rows)


def test_a_provider_without_a_key_is_a_note_and_none_with_one_is_wrong(cli: CommandLine) -> None:
    cli.configure("http://127.0.0.1:9", "http://127.0.0.1:9")
    cli.home.env.write_text("MINIMAX_API_KEY=sk-x\n", encoding="utf-8")
    row = findings(cli, code=0)[0]
    assert (row["check"], row["verdict"]) == ("configuration", "note")
    assert "MOONSHOT_API_KEY" in row["what"]
    cli.home.env.write_text("", encoding="utf-8")
    assert checks(findings(cli, code=1))[0] == ("configuration", "wrong")


def test_says_where_to_put_a_key_that_the_terminals_mode_has_unset(cli: CommandLine) -> None:
    cli.configure("http://127.0.0.1:9")
    document = json.loads(cli.home.config.read_text(encoding="utf-8"))
    document["providers"][0]["api_key_env"] = "ANTHROPIC_API_KEY"
    cli.home.config.write_text(json.dumps(document), encoding="utf-8")
    before = {"ANTHROPIC_API_KEY": "sk-put-aside"}
    led = activation.apply_changes(
        before,
        activation.activate(before, Activation("http://127.0.0.1:9", "127.0.0.1", "t", None, ClientRequirements())),
    )
    assert "ANTHROPIC_API_KEY" not in led
    first, last = findings(cli, code=1, environ=led)
    assert checks([first, last]) == [("configuration", "wrong"), ("proxy", "note")]
    assert first["fix"].startswith(f"Write ANTHROPIC_API_KEY=<key> into {cli.home.env}")


@posix
def test_repairs_private_files_that_others_may_read(cli: CommandLine) -> None:
    cli.configure("http://127.0.0.1:9")
    cli.home.state.mkdir()
    cli.home.token.write_text("a-token-of-this-installation", encoding="ascii")
    for path, mode in ((cli.home.env, 0o644), (cli.home.token, 0o640), (cli.home.log, 0o604)):
        path.touch()
        path.chmod(mode)
    for folder in (cli.home.state, cli.home.root):
        folder.chmod(0o755)
    *rows, last = findings(cli, code=1)
    assert checks(rows) == [("home", "note")] * 2 + [("private", "wrong")] * 3, "each is told once"
    assert all(row["fixable"] for row in rows)
    assert last["check"] == "proxy"
    assert f"chmod 600 {shlex.quote(str(cli.home.env))}" in rows[2]["fix"]
    assert "doctor --fix` repairs some of this" in cli("doctor").out
    assert stat.S_IMODE(cli.home.env.stat().st_mode) == 0o644, "nothing is mended unasked"

    mended = [row for row in findings(cli, "--fix", code=0) if row["verdict"] == "fixed"]
    assert len(mended) == 5
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (cli.home.env, cli.home.token, cli.home.log)]
    assert modes == [0o600] * 3
    assert [stat.S_IMODE(path.stat().st_mode) for path in (cli.home.state, cli.home.root)] == [0o700] * 2
    assert checks(findings(cli, code=0)) == [("proxy", "note")]


@posix
def test_repairs_only_regular_files_in_the_home(cli: CommandLine, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("a-token-of-another-installation", encoding="ascii")
    cli.home.env.mkdir()
    cli.home.state.mkdir(mode=0o700)
    cli.home.token.symlink_to(outside)
    for path in (outside, cli.home.env):
        path.chmod(0o755)
    for options in ((), ("--fix",)):
        rows = [row for row in findings(cli, *options, code=1) if row["check"] == "private"]
        assert checks(rows) == [("private", "note"), ("private", "wrong")]
        assert "no regular file" in rows[0]["what"]
        assert str(outside) in rows[1]["what"]
        assert not any(row["fixable"] for row in rows)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (outside, cli.home.env)] == [0o755] * 2


@posix
def test_works_in_a_folder_that_was_deleted(cli: CommandLine, tmp_path: Path) -> None:
    cli.configure("http://127.0.0.1:9")
    gone = tmp_path / "gone"
    gone.mkdir()
    done = subprocess.run(
        ["/bin/sh", "-c", 'cd "$1" && rmdir "$1" && exec "$2" -P -m claude_proxy doctor', "sh", gone, sys.executable],
        env=cli.environ(),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"settings: there are no settings files yet" in done.stdout


def test_removes_the_state_file_of_a_killed_proxy(cli: CommandLine) -> None:
    cli.configure("http://127.0.0.1:9")
    cli.home.prepare()
    stale = Running(pid=2**22 + 1, host="127.0.0.1", port=1, instance="a", started_at=0.0, version="0")
    stale.write(cli.home.running)
    assert checks(findings(cli, code=0)) == [("state", "note"), ("proxy", "note")]
    assert cli.home.running.exists()
    assert ("state", "fixed") in checks(findings(cli, "--fix", code=0))
    assert not cli.home.running.exists()


def test_reports_a_port_that_another_program_uses(cli: CommandLine) -> None:
    with listening() as taken:
        cli.configure("http://127.0.0.1:9", port=taken.getsockname()[1])
        rows = findings(cli, code=1)
    assert checks(rows) == [("proxy", "note"), ("port", "wrong")]
    assert "is used by" in rows[1]["what"]
    assert "proxy_port" in rows[1]["fix"]


def test_reports_a_running_proxy_with_another_token_or_port(started: CommandLine) -> None:
    good = started.home.token.read_bytes()
    try:
        started.home.token.write_text("another-token-than-the-one-it-has", encoding="ascii")
        (row,) = findings(started, code=1)
        assert (row["check"], row["verdict"]) == ("token", "wrong")
        assert "restart --force" in row["fix"]
        started.home.token.write_text("short", encoding="ascii")
        assert "no usable token" in findings(started, code=1)[0]["what"]
        assert started.home.token.read_text(encoding="ascii") == "short", "it only looks"
    finally:
        started.home.token.write_bytes(good)
    document = json.loads(started.home.config.read_text(encoding="utf-8"))
    started.home.config.write_text(json.dumps({**document, "proxy_port": 1}), encoding="utf-8")
    assert ("port", "note") in checks(findings(started, code=0))


def test_reports_variables_that_would_bypass_the_proxy(shared: CommandLine) -> None:
    base = f"http://127.0.0.1:{shared.running().port}/provider/moonshot"
    environ = {"ANTHROPIC_BASE_URL": base, "ANTHROPIC_AUTH_TOKEN": "sk-old-token", "ANTHROPIC_API_KEY": "sk-other"}
    rows = findings(shared, code=1, environ=environ)
    assert checks(rows) == [("terminal", "wrong")] * 2
    assert "ANTHROPIC_AUTH_TOKEN" in rows[0]["what"]
    assert "ANTHROPIC_API_KEY" in rows[1]["what"]
    assert "sk-" not in str(rows)


def test_reports_settings_that_would_bypass_the_proxy(shared: CommandLine, tmp_path: Path) -> None:
    user = tmp_path / "settings.json"
    environ = {"CLAUDE_CONFIG_DIR": str(tmp_path)}
    user.write_text(json.dumps({"env": {"ANTHROPIC_BASE_URL": "http://u:sk-1@x", "API_TIMEOUT_MS": "1"}}), "utf-8")
    rows = findings(shared, code=1, environ=environ)
    assert checks(rows) == [("settings", "wrong"), ("settings", "note")]
    assert f"env.ANTHROPIC_BASE_URL in {user} (user settings)" in rows[0]["what"]
    assert "sk-1" not in str(rows)

    ours = {"ANTHROPIC_BASE_URL": f"http://127.0.0.1:{shared.running().port}", "ANTHROPIC_AUTH_TOKEN": shared.token()}
    user.write_text(json.dumps({"env": ours}), encoding="utf-8")
    assert findings(shared, code=0, environ=environ) == []
    user.write_text("{", encoding="utf-8")
    assert "is not JSON" in findings(shared, code=1, environ=environ)[0]["what"]


def test_live_asks_each_provider_and_compares_clocks(cli: CommandLine) -> None:
    old = datetime(2020, 1, 1, tzinfo=UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    with serving(dated(formatdate(usegmt=True))) as good, serving(json_answer(401)) as closed:
        cli.configure(good, closed)
        rows = findings(cli, "--live", code=1)
        assert checks(rows) == [("proxy", "note"), ("providers", "wrong")]
        assert rows[1]["fix"] == "Replace it there."
        cli.configure(good)
        done = cli("doctor", "--live")
        assert "providers: minimax answers" in done.out
        assert "clock: it agrees with minimax" in done.out
    with serving(dated(old)) as astray:
        cli.configure(astray)
        rows = findings(cli, "--live", code=1)
    assert checks(rows)[-1] == ("clock", "wrong")
    assert "ahead of that of minimax" in rows[-1]["what"]


def dated(text: str) -> Script:
    return json_answer(200, date=text)


def test_reports_what_cannot_be_checked(tmp_path: Path) -> None:
    def fail(_: CheckContext) -> Any:
        raise PermissionError(13, "Permission denied", "state")

    (row,) = command.examine([fail], CheckContext(Home(tmp_path), os.environ, tmp_path, 0.0))
    assert "Permission denied" in row.what
    assert "state" in row.fix


def test_names_a_profile_that_loads_the_functions_from_another_place(started: CommandLine, tmp_path: Path) -> None:
    environ = {"SHELL": "/bin/zsh", "ZDOTDIR": str(tmp_path)}
    profile = tmp_path / ".zshrc"
    assert "from another place" not in started("doctor", environ=environ).out
    line = "eval \"$('/opt/python' '/old/proxy.py' 'init' 'zsh')\" # claude-proxy init"
    profile.write_text(f"{line}\n", encoding="utf-8")
    done = started("doctor", environ=environ)
    assert f"{profile} loads the functions from another place" in done.out
    assert "claude-proxy init --install" in done.out
    assert started("init", "--install", "--yes", environ=environ).code == 0
    assert "from another place" not in started("doctor", environ=environ).out
