"""Models with a provider in their name, which `/model` keeps in Claude Code's settings for every later session."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from claude_proxy.cli.checks.finding import Verdict
from claude_proxy.cli.checks.settings_conflicts import assess
from claude_proxy.cli.claude_code import settings_files
from claude_proxy.cli.claude_code.saved_models import saved_models
from fakes.command_line import CommandLine

MODEL = "claude-proxy/minimax/MiniMax-M3"


def write(path: Path, document: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("document", "keys"),
    [
        ({"model": MODEL}, ["model"]),
        ({"model": f"{MODEL}[1m]"}, ["model"]),
        ({"env": {"ANTHROPIC_MODEL": MODEL, "CLAUDE_CODE_SUBAGENT_MODEL": MODEL, "A": "claude-proxy"}}, 2),
        ({"model": "opus"}, []),
        ({"model": 7, "env": 7}, []),
        ("{broken", []),
        ({}, []),
    ],
)
def test_finds_each_model_of_ours_in_each_file(document: object, keys: list[str] | int, tmp_path: Path) -> None:
    environ = {"CLAUDE_CONFIG_DIR": str(tmp_path / "user")}
    for path in ("user/settings.json", "project/.claude/settings.local.json"):
        write(tmp_path / path, document)
    files = settings_files.sources(environ, tmp_path / "project", tmp_path / "managed")
    found = list(saved_models(files))
    if isinstance(keys, int):
        keys = ["env.ANTHROPIC_MODEL", "env.CLAUDE_CODE_SUBAGENT_MODEL"]
    assert [(each.file.scope, each.key) for each in found] == [
        (scope, key) for scope in ("user", "local") for key in keys
    ]


def test_doctor_notes_it_with_the_next_step(tmp_path: Path) -> None:
    path = write(tmp_path / "user" / "settings.json", {"model": MODEL})
    files = settings_files.sources({"CLAUDE_CONFIG_DIR": str(tmp_path / "user")}, tmp_path, tmp_path / "managed")
    [finding] = assess(files, {"CLAUDE_PROXY_HOME": str(tmp_path / "home")})
    assert (finding.verdict, finding.check) == (Verdict.NOTE, "settings")
    assert f"model in {path} (user settings) is {MODEL}" in finding.what
    assert "/model" in finding.fix


def test_status_and_reset_name_it_in_a_terminal_without_the_proxy(cli: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "claude-settings"
    write(folder / "settings.json", {"model": MODEL})
    cli.extra["CLAUDE_CONFIG_DIR"] = str(folder)
    words = f"is {MODEL}: every session asks that provider alone, and gets no answer without the proxy."
    assert words in cli("status").out
    assert words in cli("reset", "--shell", "bash").err
