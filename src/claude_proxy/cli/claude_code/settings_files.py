"""The files that Claude Code reads its settings from: where they are, and what is in them.

Their `env` is put over the environment in which Claude Code was started. They are never shown: they may hold secrets.
Order and places are those of Claude Code's documentation (its page on settings).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from claude_proxy.store.files import read_up_to

CONFIG_VARIABLE = "CLAUDE_CONFIG_DIR"
MAX_BYTES = 4 * 1024 * 1024
"""More than any settings file has."""

MANAGED = {
    "darwin": Path("/Library/Application Support/ClaudeCode"),
    "win32": Path("C:/Program Files/ClaudeCode"),
}
"""Where an administrator puts settings, by `sys.platform`."""
MANAGED_ELSEWHERE = Path("/etc/claude-code")

NOWHERE = Path(os.devnull)
"""Stands for a working folder that is gone: it has no settings."""


class SettingsError(Exception):
    """A settings file cannot be used; the text names it and says why, without quoting it."""


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """A place that Claude Code reads settings from; `scope` is user, project, local or managed."""

    scope: str
    path: Path

    def __str__(self) -> str:
        return f"{self.path} ({self.scope} settings)"


def config_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of the user's own settings: `$CLAUDE_CONFIG_DIR`, else `~/.claude`."""
    named = environ.get(CONFIG_VARIABLE, "")
    if not named:
        return Path.home() / ".claude"
    try:
        return Path(named).expanduser()
    except RuntimeError:  # `~name` of nobody here: a folder may be called so
        return Path(named)


def working_folder() -> Path:
    """Return the folder that Claude Code would be started in, `NOWHERE` where that was deleted or may not be seen."""
    try:
        return Path.cwd()
    except OSError:
        return NOWHERE


def sources(environ: Mapping[str, str], folder: Path, managed: Path | None = None) -> tuple[SettingsFile, ...]:
    """Return the places from the weakest to the strongest, for a Claude Code started in `folder`.

    `managed` is the administrator's folder, by default the one of this system. A file need not be there. `NOWHERE` has
    no settings of a project.
    """
    policies = managed or MANAGED.get(sys.platform, MANAGED_ELSEWHERE)
    user = config_folder(environ)
    found = [
        SettingsFile("user", user / "settings.json"),
        *(_of_project(folder) if folder != NOWHERE else ()),
        SettingsFile("managed", policies / "managed-settings.json"),
        *(SettingsFile("managed", path) for path in sorted((policies / "managed-settings.d").glob("*.json"))),
    ]
    return tuple({source.path: source for source in reversed(found)}.values())[
        ::-1
    ]  # in the user's folder, two are one


def _of_project(folder: Path) -> tuple[SettingsFile, ...]:
    place = folder / ".claude"
    return SettingsFile("project", place / "settings.json"), SettingsFile("local", place / "settings.local.json")


def variables(source: SettingsFile) -> Mapping[str, str]:
    """Return the variables that a settings file sets. Raises `SettingsError`."""
    values = parse(read_text(source.path), source.path).get("env")
    return {str(name): str(value) for name, value in values.items()} if isinstance(values, dict) else {}


def read_text(path: Path) -> str:
    """Return the text of a settings file, empty where there is none. Raises `SettingsError`."""
    try:
        data = read_up_to(path, MAX_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
    if data is None:
        raise SettingsError(f"{path} is no regular file")
    if len(data) > MAX_BYTES:
        raise SettingsError(f"{path} is larger than settings ever are")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not UTF-8 text") from None


def parse(text: str, path: Path) -> Mapping[str, object]:
    """Return the object in the text of a settings file, an empty one for an empty text. Raises `SettingsError`."""
    plain = text.removeprefix("\ufeff")
    try:
        document = json.loads(plain) if plain.strip() else {}
    except json.JSONDecodeError as error:
        raise SettingsError(f"{path} is not JSON: line {error.lineno}, column {error.colno}: {error.msg}") from None
    except (RecursionError, ValueError):
        raise SettingsError(f"{path} is nested too deeply, or holds a number that is too long") from None
    if not isinstance(document, dict):
        raise SettingsError(f"{path} holds something else than an object")
    return document
