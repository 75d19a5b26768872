"""What `doctor` says of the user's command and of notifications."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from claude_proxy.cli.checks.context import CheckContext
from claude_proxy.cli.checks.events import inspect
from claude_proxy.cli.checks.finding import Finding, Verdict
from claude_proxy.store.home import Home

posix = pytest.mark.skipif(sys.platform == "win32", reason="a file's mode says whether it is a program")


def findings(folder: Path, environ: dict[str, str], **settings: object) -> list[Finding]:
    home = Home(folder)
    home.prepare()
    document = {"providers": [{"preset": "minimax"}], **settings}
    home.config.write_text(json.dumps(document), encoding="utf-8")
    home.config.chmod(0o600)
    return list(inspect(CheckContext(home, {"MINIMAX_API_KEY": "sk-x", **environ}, folder, 0.0)))


def program(folder: Path, name: str, mode: int = 0o755) -> Path:
    path = folder / name
    path.write_text("#!/bin/sh\n", encoding="utf-8")
    path.chmod(mode)
    return path


def test_nothing_is_said_if_nothing_is_told(tmp_path: Path) -> None:
    assert findings(tmp_path / "home", {}) == []
    assert findings(tmp_path / "home", {}, on_event=17) == []  # the check of the configuration says that


@posix
def test_a_command_is_named_with_its_whole_path(tmp_path: Path) -> None:
    path = program(tmp_path, "on-event")
    [finding] = findings(tmp_path / "home", {"PATH": str(tmp_path)}, on_event=["on-event", "--quiet"])
    assert (finding.verdict, finding.what) == (Verdict.OK, f"{path} is told of events")


@posix
def test_a_command_that_is_not_there_or_no_program_is_wrong(tmp_path: Path) -> None:
    path = program(tmp_path, "on-event", 0o644)
    for command in (str(path), "missing"):
        [finding] = findings(tmp_path / "home", {"PATH": ""}, on_event=[command])
        assert (finding.verdict, command in finding.what) == (Verdict.WRONG, True)


@pytest.mark.skipif(sys.platform != "linux", reason="notify-send is Linux's")
@pytest.mark.parametrize(
    ("installed", "environ", "verdict", "words"),
    [
        (False, {"DISPLAY": ":0"}, Verdict.NOTE, "there is no notify-send"),
        (True, {}, Verdict.NOTE, "there is no desktop session here"),
        (True, {"DISPLAY": ":0"}, Verdict.OK, "the desktop shows events"),
    ],
)
def test_notifications_need_a_program_and_a_desktop(
    tmp_path: Path, *, installed: bool, environ: dict[str, str], verdict: Verdict, words: str
) -> None:
    if installed:
        program(tmp_path, "notify-send")
    [finding] = findings(tmp_path / "home", {"PATH": str(tmp_path), **environ}, notify=True)
    assert finding.verdict is verdict
    assert words in finding.what
