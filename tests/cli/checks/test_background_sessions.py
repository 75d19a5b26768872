"""The supervisor of Claude Code's background sessions keeps the environment of the terminal that started it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from claude_proxy.cli.checks import background_sessions
from claude_proxy.cli.checks.context import CheckContext
from claude_proxy.cli.checks.finding import Finding, Verdict
from claude_proxy.store.home import Home

TOKEN = "a" * 40
LED = {"ANTHROPIC_BASE_URL": "http://127.0.0.1:8787", "ANTHROPIC_AUTH_TOKEN": TOKEN}
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows the environment of another process")


@contextmanager
def supervisor(folder: Path, environ: Mapping[str, str]) -> Iterator[int]:
    """Run a process with this environment, named in Claude Code's file."""
    with subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()"],
        env={"PATH": os.environ["PATH"], **environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it runs now, with its own environment
        write(folder, {"pid": process.pid, "version": "2.1.332", "spawnedBy": {"cwd": "/elsewhere"}})
        yield process.pid
        process.kill()


def write(folder: Path, content: object) -> None:
    (folder / "claude" / "daemon.lock").write_text(json.dumps(content), encoding="utf-8")


def found(folder: Path, environ: Mapping[str, str]) -> list[Finding]:
    environ = {"CLAUDE_CONFIG_DIR": str(folder / "claude"), **environ}
    return list(background_sessions.inspect(CheckContext(Home(folder / "home"), environ, folder, 0.0)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "claude").mkdir()
    home = Home(tmp_path / "home")
    home.prepare()
    home.token.write_text(TOKEN, encoding="ascii")
    return tmp_path


@linux
@pytest.mark.parametrize("environ", [{}, LED])
def test_a_supervisor_in_this_terminals_mode_is_fine(folder: Path, environ: Mapping[str, str]) -> None:
    with supervisor(folder, environ):
        (finding,) = found(folder, environ)
    assert finding.verdict is Verdict.OK


@linux
@pytest.mark.parametrize(
    ("its", "ours", "words"),
    [
        ({}, LED, "direct, not fallback"),
        (LED, {}, "fallback, not direct"),
        (LED, {**LED, "ANTHROPIC_BASE_URL": "http://127.0.0.1:8787/provider/zai"}, "fallback, not pinned zai"),
        ({"ANTHROPIC_BASE_URL": "https://corp.example"}, LED, "direct (corp.example), not fallback"),
    ],
)
def test_one_in_another_mode_is_named_with_the_command(
    folder: Path, its: Mapping[str, str], ours: Mapping[str, str], words: str
) -> None:
    with supervisor(folder, its) as pid:
        (finding,) = found(folder, ours)
    assert finding.verdict is Verdict.NOTE
    assert f"(pid {pid}, started in /elsewhere)" in finding.what
    assert words in finding.what
    assert "`claude daemon stop --any`" in finding.fix
    assert TOKEN not in finding.what + finding.fix


def test_if_the_system_does_not_tell_its_environment_the_command_is_named_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background_sessions, "_environ_of", lambda _: None)
    write(folder, {"pid": os.getpid()})
    (finding,) = found(folder, LED)
    assert "`claude daemon stop --any`" in finding.fix
    assert found(folder, {}) == []


@pytest.mark.parametrize("content", [None, {}, [], {"pid": "x"}, {"pid": 2**22 + 7}, {"pid": -1}, {"pid": 2**70}])
def test_without_a_supervisor_there_is_nothing_to_say(folder: Path, content: object) -> None:
    if content is not None:
        write(folder, content)
    assert found(folder, LED) == []


def test_what_is_no_json_is_no_supervisor(folder: Path) -> None:
    (folder / "claude" / "daemon.lock").write_bytes(b"\xff{")
    assert found(folder, LED) == []
