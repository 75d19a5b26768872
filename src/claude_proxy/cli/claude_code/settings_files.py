"""The files that Claude Code reads its settings from: where they are, and the variables in them.

Their `env` overrides the environment in which Claude Code was started. Their values are never shown: they may be
secret. The order and the paths are from Claude Code's documentation (its page on settings).
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
"""The folder of an administrator's settings, by `sys.platform`."""
MANAGED_ELSEWHERE = Path("/etc/claude-code")

NOWHERE = Path(os.devnull)
"""In place of a working folder that was deleted: it has no settings."""


class SettingsError(Exception):
    """A settings file cannot be used; the text names it and says why, without quoting it."""


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """A file that Claude Code reads settings from; `scope` is user, project, local or managed."""

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
    except RuntimeError:  # no user has the name in `~name`: a folder may have it
        return Path(named)


def working_folder() -> Path:
    """Return the folder that Claude Code would start in, `NOWHERE` if it was deleted or cannot be read."""
    try:
        return Path.cwd()
    except OSError:
        return NOWHERE


def sources(environ: Mapping[str, str], folder: Path, managed: Path | None = None) -> tuple[SettingsFile, ...]:
    """Return the files from the weakest to the strongest, for a Claude Code started in `folder`.

    `managed` is the administrator's folder, by default the one of this system. A file need not exist. `NOWHERE` has no
    project settings.
    """
    policies = managed or MANAGED.get(sys.platform, MANAGED_ELSEWHERE)
    user = config_folder(environ)
    files = [
        SettingsFile("user", user / "settings.json"),
        *(_of_project(folder) if folder != NOWHERE else ()),
        SettingsFile("managed", policies / "managed-settings.json"),
        *(SettingsFile("managed", path) for path in sorted((policies / "managed-settings.d").glob("*.json"))),
    ]
    return tuple({source.path: source for source in reversed(files)}.values())[
        ::-1
    ]  # in the home folder, the user's file is the project's too


def _of_project(folder: Path) -> tuple[SettingsFile, ...]:
    place = folder / ".claude"
    return SettingsFile("project", place / "settings.json"), SettingsFile("local", place / "settings.local.json")


def variables(source: SettingsFile) -> Mapping[str, str]:
    """Return the variables that a settings file sets. Raises `SettingsError`."""
    values = parse(read_text(source.path), source.path).get("env")
    return {str(name): str(value) for name, value in values.items()} if isinstance(values, dict) else {}


def read_text(path: Path) -> str:
    """Return the text of a settings file, empty if there is no file. Raises `SettingsError`."""
    try:
        data = read_up_to(path, MAX_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
    if data is None:
        raise SettingsError(f"{path} is no regular file")
    if len(data) > MAX_BYTES:
        raise SettingsError(f"{path} is too large for a settings file")
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
        raise SettingsError(f"{path} is nested too deeply, or contains a number that is too long") from None
    if not isinstance(document, dict):
        raise SettingsError(f"{path} does not contain a JSON object")
    return document
