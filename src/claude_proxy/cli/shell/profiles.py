"""The files that a shell reads when it starts: our line is added or removed, and the rest stays as it is.

The comment at its end marks a line as ours.
"""

from __future__ import annotations

import base64
import codecs
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from claude_proxy.cli.output.exit_codes import CommandError, not_written
from claude_proxy.cli.shell.quoting import Shell
from claude_proxy.store.files import read_up_to, rewrite

MARK = b"# claude-proxy init"
NO_END = b" (no line end before)"
"""After the mark, if the last line before ours had no line end: removing ours then removes that line end too."""
OURS = re.compile(
    rb"^(?:eval |Import-Module |if \(Test-Path |[^\r\n]*\| source )[^\r\n]*"
    + MARK
    + rb"(?:"
    + re.escape(NO_END)
    + rb")?[ \t]*(?:\r?\n|\Z)",
    re.MULTILINE,
)
NEW_FILE_MODE = 0o644
MAX_BYTES = 4 * 1024 * 1024
"""More than any profile has."""
POWERSHELL_TIMEOUT = 30.0
"""Seconds; the first start of Windows PowerShell after an update takes several."""
PROFILE_QUERY = "[Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes($PROFILE.CurrentUserAllHosts))"
"""Asks PowerShell for its profile, in letters that every code page has."""


@dataclass(frozen=True, slots=True)
class ProfileEdit:
    """A change of a profile: its bytes before and after, and the lines that the user is shown."""

    path: Path
    before: bytes = field(repr=False)
    after: bytes = field(repr=False)
    shown: tuple[str, ...]

    def write(self) -> None:
        """Write the new bytes, all or none; links and the mode stay. Raises `CommandError`.

        A file that held only our line is removed: an empty one could hide another profile.
        """
        path = self.path.resolve()
        if _read(path, "") != self.before:
            raise CommandError(
                f"another program has just changed {path}; nothing was changed", hint="Run the command again."
            )
        try:
            if self.after or self.path.is_symlink():
                rewrite(path, self.after, new_file_mode=NEW_FILE_MODE)
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise not_written(error) from error


def install(path: Path, line: str) -> ProfileEdit | None:
    """Return the change that makes `line` our one line in a profile; None if it is that already.

    Raises `CommandError`.
    """
    before = _read(path, line)
    added = f"{line} ".encode() + MARK
    without = _without(before)
    end = b"\r\n" if b"\r\n" in before else b"\n"
    whole = not without or without.endswith(b"\n")
    after = without + added + end if whole else without + end + added + NO_END + end
    if any(line.strip() in (added, added + NO_END) for line in OURS.findall(before)):
        return None
    return ProfileEdit(path, before, after, (*_removed(before), f"+ {added.decode()}"))


def uninstall(path: Path) -> ProfileEdit | None:
    """Return the change that removes our line from a profile; None if there is none. Raises `CommandError`."""
    before = _read(path, "")
    after = _without(before)
    return ProfileEdit(path, before, after, _removed(before)) if after != before else None


def has_other_line(path: Path, line: str) -> bool:
    """Return whether a profile has a line of ours that differs from `line`; False too if it cannot be read."""
    try:
        edit = install(path, line)
    except CommandError:
        return False
    return edit is not None and len(edit.shown) > 1


def profiles(shell: Shell, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the files that a new terminal's shell reads: one, or one for each PowerShell. Raises `CommandError`."""
    home = Path.home()
    match shell:
        case Shell.BASH:
            return (_bash(home, login=sys.platform == "darwin"),)
        case Shell.ZSH:
            return (Path(environ.get("ZDOTDIR") or home) / ".zshrc",)
        case Shell.FISH:
            return (Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "fish" / "config.fish",)
        case Shell.POWERSHELL:
            return _powershell()


def _bash(home: Path, *, login: bool) -> Path:
    """Return the profile of an interactive bash; on macOS a terminal's shell is a login shell, which reads another."""
    if not login:
        return home / ".bashrc"
    candidates = [home / name for name in (".bash_profile", ".bash_login", ".profile")]
    return next((path for path in candidates if path.exists()), candidates[0])


def _powershell() -> tuple[Path, ...]:
    """Return the profiles of the installed PowerShells. Each is asked, since its folder may be redirected."""
    programs = [program for name in ("pwsh", "powershell") if (program := shutil.which(name))]
    paths = dict.fromkeys(path for program in programs if (path := _ask(program)))
    if not paths:
        raise CommandError("no PowerShell was found, or none says where its profile is")
    return tuple(paths)


def _ask(program: str) -> Path | None:
    try:
        done = subprocess.run(  # noqa: S603 - the user's own PowerShell, with words of ours
            [program, "-NoProfile", "-NonInteractive", "-Command", PROFILE_QUERY],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=POWERSHELL_TIMEOUT,
            check=True,
        )
        return Path(base64.b64decode(done.stdout.strip(), validate=True).decode())
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def _read(path: Path, line: str) -> bytes:
    try:
        data = read_up_to(path, MAX_BYTES)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from error
    if data is None or len(data) > MAX_BYTES:
        raise CommandError(f"{path} is {'no regular file' if data is None else 'too large for a profile'}")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        hint = f"Add this line to it yourself:\n  {line}" if line else "Remove the line yourself."
        raise CommandError(f"{path} is in UTF-16, which this command does not change", hint=hint)
    return data


def _without(data: bytes) -> bytes:
    """Return a profile without our lines, and without the line end that we added before one at the end."""
    after = OURS.sub(b"", data)
    last = OURS.findall(data)[-1:]
    if last and data.endswith(last[0]) and NO_END in last[0]:
        after = after.removesuffix(b"\n").removesuffix(b"\r")
    return after


def _removed(data: bytes) -> tuple[str, ...]:
    return tuple(f"- {line.decode(errors='replace').rstrip()}" for line in OURS.findall(data))
