"""Standard output that is closed, or on a full disk: one line and exit code 1, and never a fault of the program."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.text import Text

from claude_proxy.cli.output.console import console, print_json, table
from claude_proxy.store.token import installation_token
from fakes.command_line import CommandLine, Done, line_with, listening

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is full")

FULL = "error: the output cannot be written: No space left on device\n"


def shell(cli: CommandLine, line: str, **environ: str) -> Done:
    """Run a line of a shell, in which `"$@"` is claude-proxy."""
    done = subprocess.run(
        ["/bin/sh", "-c", line, "sh", sys.executable, "-m", "claude_proxy"],
        env=cli.environ(environ),
        capture_output=True,
        text=True,
        check=False,
    )
    cli.inspect(done.stdout + done.stderr)
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", ["status", "status --json", "version", "--help", "status --help", "logs", "check"])
def test_reports_a_full_output(cli: CommandLine, upstream: str, command: str, unbuffered: str) -> None:
    cli.configure(upstream)
    cli.home.log.write_text("a line\n", encoding="utf-8")
    assert shell(cli, f'"$@" {command} >/dev/full', PYTHONUNBUFFERED=unbuffered) == Done(1, "", FULL)


def test_lines_in_a_pipe_are_whole_and_not_filled_with_blanks(capsys: pytest.CaptureFixture[str]) -> None:
    rows = table("a", "b")
    rows.add_row("x", "long " * 200 + "end")
    rows.add_row("y", "z")
    console().print(rows)
    header, first, last = capsys.readouterr().out.splitlines()
    assert (header, last) == ("a  b", "y  z")
    assert first == "x  " + "long " * 200 + "end"


PRINTING = ["status", "check", "doctor", "explain", "providers", "providers --all", "providers show zai", "rules",
            "logs", "--help", "help providers add", "stop"]  # fmt: skip


@pytest.mark.parametrize("forced", ["", "1"])
@pytest.mark.parametrize("command", PRINTING)
def test_no_command_fills_or_breaks_lines_in_a_pipe(cli: CommandLine, upstream: str, command: str, forced: str) -> None:
    cli.configure(upstream, upstream)
    cli.home.log.write_text("a line\n", encoding="utf-8")
    done = shell(cli, f'"$@" {command}', FORCE_COLOR=forced, COLUMNS="" if forced else "40")
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in done.out.splitlines()]
    assert lines
    assert [line for line in lines if line != line.rstrip()] == []
    if command == "check":
        assert any(line.startswith("The configuration in ") and line.endswith(" tests the keys.") for line in lines)


@pytest.mark.parametrize(("command", "code"), [("version", 0), ("status", 1), ("status --json", 1), ("check", 0)])
def test_an_output_that_is_closed_is_no_fault(cli: CommandLine, upstream: str, command: str, code: int) -> None:
    cli.configure(upstream)
    assert shell(cli, f'"$@" {command} >&-') == Done(code, "", "")


def test_with_everything_closed_a_proxy_still_starts(cli: CommandLine, upstream: str) -> None:
    cli.configure(upstream)
    assert shell(cli, '"$@" start <&- >&- 2>&-').code == 0
    assert cli("status").code == 0


def test_a_proxy_serves_though_it_cannot_say_so(cli: CommandLine, upstream: str) -> None:
    cli.configure(upstream)
    cli.home.env.chmod(0o644)
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "claude_proxy", "serve"]
        process = subprocess.Popen(command, env=cli.environ(), stdout=full, stderr=subprocess.PIPE, text=True)
    with process:
        assert "may read your keys" in line_with(process.stderr, "warning")
        assert cli("status").code == 0
        assert cli("stop").code == 0


@pytest.mark.parametrize("where", ["2>/dev/full", "2>&-"])
def test_an_error_that_cannot_be_shown_keeps_its_exit_code(cli: CommandLine, where: str) -> None:
    assert shell(cli, f'"$@" check {where}') == Done(2, "", "")


def test_a_full_disk_is_not_reported_as_a_port_in_use(cli: CommandLine, upstream: str) -> None:
    cli.configure(upstream)
    done = shell(cli, 'ulimit -f 0; "$@" serve')
    assert done == Done(1, "", f"error: {cli.home.token}: File too large\n")


def test_a_proxy_that_could_not_say_why_it_ended(cli: CommandLine, upstream: str) -> None:
    with listening() as taken:
        cli.configure(upstream, port=taken.getsockname()[1])
        cli.home.prepare()
        installation_token(cli.home)
        done = shell(cli, 'ulimit -f 0; "$@" start')
    assert done.code == 3
    first, hint = done.err.splitlines()
    assert first == "error: the proxy ended at once, with exit code 3"
    assert "full disk" in hint
    assert "`claude-proxy serve`" in hint


def test_json_names_a_home_that_is_no_text(cli: CommandLine, tmp_path: Path) -> None:
    root = os.fsdecode(os.fsencode(tmp_path) + b"/h\xff")
    Path(root).mkdir()
    for command in ("status", "doctor"):
        done = cli(command, "--json", environ={"CLAUDE_PROXY_HOME": root})
        assert (done.code, done.err) == (1, "")
        assert f'"home": "{tmp_path}/h?"' in done.out


def test_a_proxy_in_a_home_that_is_no_text_gives_its_status(cli: CommandLine, upstream: str, tmp_path: Path) -> None:
    root = os.fsdecode(os.fsencode(tmp_path) + b"/h\xff")
    cli.configure(upstream)
    cli.home.env.chmod(0o644)  # which is warned of, with its path
    cli.home.root.rename(root)
    cli.home = type(cli.home)(Path(root))
    assert cli("start").code == 0
    done = cli("status")
    assert done.code == 0
    assert "/h?/.env'" in done.out.replace("\n", "")


EVIL = "a\x1b[2Jb\x9b31mc\u202ed\u2028e\x07"


def test_no_text_in_a_table_or_a_line_reaches_the_terminal_as_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    rows = table("a", EVIL)
    rows.add_row(EVIL, Text(EVIL, "red"))
    out = console()
    out.print(rows)
    out.print(EVIL, style="red")
    shown = capsys.readouterr().out
    assert "b" in shown
    assert all(line.isprintable() for line in shown.split("\n"))


def test_colours_stay_on_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    console().print("x\x9by", style="red")
    assert capsys.readouterr().out == "\x1b[31mx?y\x1b[0m\n"


def test_json_for_programs_has_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"text": EVIL})
    shown = capsys.readouterr().out
    assert "\\u009b31m" in shown
    assert all(line.isprintable() for line in shown.split("\n"))
    assert json.loads(shown) == {"text": EVIL}


@pytest.mark.parametrize("command", [("providers", "show"), ("run", "--provider"), ("explain", "--tokens")])
def test_no_error_reaches_the_terminal_as_a_command(cli: CommandLine, upstream: str, command: tuple[str, ...]) -> None:
    cli.configure(upstream)
    done = cli(*command, EVIL)
    assert done.code == 2
    assert all(line.isprintable() for line in (done.out + done.err).split("\n"))
