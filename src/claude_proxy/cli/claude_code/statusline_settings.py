"""`claude-proxy init statusline`: adds our status line to Claude Code's settings, or removes it; the rest stays.

The text of the file is edited, so that order, indentation and line ends stay. A status line of the user's own stays.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath

from claude_proxy.cli.claude_code.settings_files import SettingsError, config_folder, parse, read_text
from claude_proxy.cli.output.exit_codes import CommandError, not_written
from claude_proxy.config.json_text import find_member, remove_member, render_member, set_member
from claude_proxy.store.files import rewrite

KEY = "statusLine"
NEW = {"type": "command", "command": "", "refreshInterval": 5}
"""A new entry. Without the interval, in seconds, Claude Code asks again only when something happens: a provider that is
silent would not be named."""
WORD = r"""(?:'[^'\n]*'|"(?:[^"$`\\\n]|\\[^"$`\\\n])*"|[^\s'"`;|&$<>()])+"""
"""A word of a shell, quoted or not, in which the shell expands nothing."""
PLAIN_COMMAND = re.compile(rf"{WORD}(?: {WORD})*")
"""A single program with its arguments, and nothing else."""
NEW_FILE_MODE = 0o600


@dataclass(frozen=True, slots=True)
class SettingsEdit:
    """A change of a settings file: its whole text before and after, and the lines to show the user."""

    path: Path
    before: str = field(repr=False)
    after: str = field(repr=False)
    shown: tuple[str, ...]

    def write(self) -> None:
        """Write the new text, all or nothing, with the old file's mode. Raises `CommandError`."""
        if not self._is_current():
            raise CommandError(
                f"another program has just changed {self.path}; nothing was changed", hint="Run the command again."
            )
        try:
            rewrite(self.path, self.after.encode(), new_file_mode=NEW_FILE_MODE)
        except OSError as error:
            raise not_written(error) from error

    def _is_current(self) -> bool:
        """Return whether the file is still as it was when the user saw the change."""
        try:
            return read_text(self.path) == self.before
        except SettingsError:
            return False


def command() -> str:
    """Return the command line for Claude Code to run in a shell: this Python, and nothing from the current folder.

    On Windows that shell is Git Bash or PowerShell: both accept a path with slashes that needs no quotes.
    """
    words = [Path(sys.executable).as_posix(), "-P", "-m", "claude_proxy", "statusline"]
    return shlex.join(words)


def install(environ: Mapping[str, str], line: str) -> SettingsEdit | None:
    """Return the change that makes `line` the command of the status line; None if it already is.

    Raises `CommandError` if the file is broken, or has a status line of the user's own.
    """
    path, text, document = _read(environ)
    present = document.get(KEY)
    if present is not None and not _is_ours(present):
        raise CommandError(
            f"{path} already has a status line of your own; it was not changed",
            hint=f"To see both, let your command run this one too, and pass its standard input on:\n  {line}",
        )
    wanted = {**present, "command": line} if isinstance(present, dict) else {**NEW, "command": line}
    if present == wanted:
        return None
    member = render_member(text, KEY, wanted)
    _require_encodable(member, path)
    after = set_member(text, KEY, member)
    return SettingsEdit(path, text, after, tuple(f"+ {row}" for row in member.splitlines()))


def uninstall(environ: Mapping[str, str]) -> SettingsEdit | None:
    """Return the change that removes our status line; None if it is not there. Raises `CommandError`."""
    path, text, document = _read(environ)
    member = find_member(text, KEY) if _is_ours(document.get(KEY)) else None
    if member is None:
        return None
    shown = tuple(f"- {row}" for row in text[member.start : member.end].splitlines())
    return SettingsEdit(path, text, remove_member(text, member), shown)


def _read(environ: Mapping[str, str]) -> tuple[Path, str, Mapping[str, object]]:
    path = config_folder(environ) / "settings.json"
    try:
        text = read_text(path)
        return path, text, parse(text, path)
    except SettingsError as error:
        raise CommandError(str(error), hint="Fix the file first; nothing was changed.") from error


def _is_ours(value: object) -> bool:
    command_text = value.get("command") if isinstance(value, dict) else None
    if not isinstance(command_text, str) or not PLAIN_COMMAND.fullmatch(command_text):
        return False
    match re.findall(WORD, command_text):
        case [_, "-P", "-m", "claude_proxy", "statusline"] | [_, "-m", "claude_proxy", "statusline"]:
            return True
        case [program, "statusline"]:
            return _name(program) in {"claude-proxy", "claude-proxy.exe", "proxy.py"}
        case [_, script, "statusline"]:
            return _name(script) == "proxy.py"
    return False


def _name(word: str) -> str:
    """Return the file name in a word of a command, with slashes of either kind."""
    return PureWindowsPath(word.strip("'\"")).name


def _require_encodable(member: str, path: Path) -> None:
    """Raise `CommandError` if a text cannot be written: JSON can contain half a character, and UTF-8 cannot."""
    try:
        member.encode()
    except UnicodeEncodeError:
        raise CommandError(
            f"the status line in {path} contains half a character (a lone surrogate), which is not text",
            hint="Fix it first; nothing was changed.",
        ) from None
