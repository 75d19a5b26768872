"""Hints name the program as its user calls it, however that is."""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import click
import pytest

from claude_proxy.cli.main import COMMANDS, claude_proxy
from claude_proxy.cli.output import program
from claude_proxy.cli.output.program import STARTED_AS, invocation, with_invocations
from claude_proxy.cli.providers import SUBCOMMANDS
from fakes.command_line import CommandLine

ROOT = Path(__file__).resolve().parents[3]
posix = pytest.mark.skipif(sys.platform == "win32", reason="the programs of these tests are scripts")


def executable(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with a `.venv` that is set up, and a folder `bin` with `python3`."""
    folder = tmp_path / "a clone"
    executable(folder / ".venv" / "bin" / "python", f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    shutil.copy(ROOT / "proxy.py", folder)
    (folder / "requirements").mkdir()
    (folder / "requirements" / "runtime.txt").write_text("# none\n", encoding="utf-8")
    (folder / ".venv" / "locks").mkdir()
    (folder / ".venv" / "locks" / "runtime").write_text(f"{python_line()}# none\n", encoding="utf-8")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(sys.executable)
    return folder


def python_line() -> str:
    spec = importlib.util.spec_from_file_location("bootstrap_of_clone", ROOT / "proxy.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.this_python())


def run(cli: CommandLine, *words: str, path: Path, cwd: Path, **environ: str) -> str:
    """Run a command line by the names on PATH, and return what it printed."""
    settings = {**cli.environ(), "PATH": f"{path}{os.pathsep}{os.environ['PATH']}", **environ}
    settings.pop(STARTED_AS)
    done = subprocess.run(words, env=settings, cwd=cwd, capture_output=True, text=True, check=False)
    cli.inspect(done.stdout + done.stderr)
    return done.stdout + done.stderr


@posix
def test_hints_in_a_clone_name_proxy_py(cli: CommandLine, clone: Path, tmp_path: Path) -> None:
    bin_folder = tmp_path / "bin"
    shown = run(cli, "python3", "proxy.py", "status", path=bin_folder, cwd=clone)
    assert "Start it with: python3 proxy.py start\n" in shown
    shown = run(cli, "python3", "proxy.py", "start", "--help", path=bin_folder, cwd=clone)
    assert shown.startswith("Usage: python3 proxy.py start ")
    assert "\n    python3 proxy.py start\n" in shown
    assert "claude-proxy start" not in shown
    shown = run(cli, "python3", "proxy.py", "check", path=bin_folder, cwd=clone)
    assert "let `python3 proxy.py providers add NAME`" in shown, "the configuration's own hints, too"
    shown = run(cli, "python3", str(clone / "proxy.py"), "status", path=bin_folder, cwd=tmp_path, HOME=str(tmp_path))
    assert "Start it with: python3 ~/'a clone/proxy.py' start\n" in shown


@posix
def test_the_background_process_names_the_clone_by_its_path(
    cli: CommandLine, clone: Path, tmp_path: Path, upstream: str
) -> None:
    cli.configure(upstream)
    shown = run(cli, "python3", "proxy.py", "start", path=tmp_path / "bin", cwd=clone)
    assert "started at" in shown
    connection = http.client.HTTPConnection("127.0.0.1", cli.running().port)
    with closing(connection):
        connection.request("POST", "/v1/messages", "{}", {"content-type": "application/json"})
        error = json.loads(connection.getresponse().read())["error"]["message"]
    assert f"start Claude Code with `python3 {shlex.quote(str(clone / 'proxy.py'))} run -- claude`" in error


@posix
def test_hints_of_an_installed_program_name_it(cli: CommandLine, tmp_path: Path) -> None:
    code = f"#!{sys.executable}\nimport sys\nfrom claude_proxy.__main__ import main\nsys.exit(main())\n"
    executable(tmp_path / "bin" / "claude-proxy", code)
    shown = run(cli, "claude-proxy", "status", path=tmp_path / "bin", cwd=tmp_path)
    assert "Start it with: claude-proxy start\n" in shown
    shown = run(cli, "bin/claude-proxy", "status", path=tmp_path / "elsewhere", cwd=tmp_path)
    assert "Start it with: bin/claude-proxy start\n" in shown


def test_hints_of_a_package_name_its_module(cli: CommandLine, tmp_path: Path) -> None:
    shown = run(cli, sys.executable, "-m", "claude_proxy", "status", path=tmp_path, cwd=tmp_path)
    assert " -m claude_proxy start\n" in shown


@pytest.mark.parametrize(("shell", "hint"), [("fish", "claude-fb"), ("", "claude-proxy start")])
def test_with_shell_functions_hints_name_them(cli: CommandLine, shell: str, hint: str) -> None:
    assert f"Start it with: {hint}\n" in cli("status", environ={"CLAUDE_PROXY_SHELL": shell}).out


@pytest.mark.parametrize(("shell", "hint"), [("bash", "claude-reset --force"), ("powershell", "claude-reset -Force")])
def test_names_the_option_of_claude_reset_in_its_shell(shell: str, hint: str) -> None:
    assert program.force_reset_command({"CLAUDE_PROXY_SHELL": shell}) == hint


def test_a_command_does_not_inherit_how_the_program_was_started(started: CommandLine) -> None:
    code = f"import os; print(os.environ.get({STARTED_AS!r}))"
    assert started("run", "--", sys.executable, "-c", code).out == "None\n"


def test_on_windows_the_launcher_is_named_if_python_is_not_on_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    python = tmp_path / "python.exe"
    python.touch()
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(sys, "argv", [str(Path("claude_proxy") / "__main__.py")])
    monkeypatch.setenv(STARTED_AS, f"{python}\nproxy.py")
    monkeypatch.setattr(shutil, "which", lambda name: "C:/Windows/py.exe" if name == "py" else None)
    assert invocation("start") == "py proxy.py start"
    monkeypatch.setattr(shutil, "which", lambda name: str(python) if name == "python" else None)
    assert invocation("start") == "python proxy.py start"
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    assert invocation("start") == f"{python} proxy.py start"


def all_commands() -> list[click.Command]:
    context = click.Context(claude_proxy)
    group = claude_proxy.get_command(context, "providers")
    assert isinstance(group, click.Group)
    commands = [claude_proxy.get_command(context, name) for name in COMMANDS]
    commands += [group.get_command(context, name) for name in SUBCOMMANDS]
    return [command for command in commands if command]


def test_renames_the_program_before_commands_only(monkeypatch: pytest.MonkeyPatch) -> None:
    all_commands()  # a module that is loaded later would keep the stand-in for good
    monkeypatch.setattr(program, "invocation", lambda: "<PROGRAM>")
    assert with_invocations("`claude-proxy stop`, x/claude-proxy stop") == "`<PROGRAM> stop`, x/claude-proxy stop"
    for command in all_commands():
        for text in (command.help or "", command.epilog or ""):
            for tail in text.split("<PROGRAM> ")[1:]:
                assert re.split(r"\W", tail)[0] in COMMANDS, text


@pytest.mark.parametrize(
    ("words", "usage"),
    [
        (("switch",), "Usage: claude-switch NAME\n"),
        (("fallback", "x"), "Usage: claude-fb\n"),
        (("reset", "--nosuch"), "Usage: claude-reset [--force | --keep-proxy]\n"),
    ],
)
def test_an_error_of_a_shell_function_names_the_function(cli: CommandLine, words: tuple[str, ...], usage: str) -> None:
    command, *arguments = words
    done = cli(command, "--shell", "bash", *arguments, environ={"CLAUDE_PROXY_SHELL": "bash"})
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(usage)
    assert "python" not in done.err
    assert cli(command, "--shell", "bash", *arguments).err.startswith(f"Usage: claude-proxy {command} [OPTIONS]")
