"""Who may read a file on Windows, and how to let only the current user read it, by the system's own icacls.

`icacls FILE /save` gives the access list in SDDL, which is the same in every language of Windows; what icacls prints
is not. Users are identified by security identifiers (SIDs) for the same reason.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from claude_proxy.cli.output.exit_codes import CommandError

TOOL_TIMEOUT = 10.0
Run: TypeAlias = Callable[[Sequence[str]], str]
"""Runs a program of the system and returns what it printed. Raises `OSError` or `CommandError`."""

_ENTRY = re.compile(r"\((X?A|O?A);([^;]*);[^;]*;[^;]*;[^;]*;([^;)]+)")
"""An entry that allows something: its type, its flags, and the user."""
_SID = re.compile(r"S-1(?:-\d+)+")
_ADMINISTRATORS = frozenset({"SY", "BA", "LA", "S-1-5-18", "S-1-5-32-544"})
"""The system and its administrators, who can read everything anyway."""
_OWNER = "OW"
_INHERIT_ONLY = "IO"
_NAMES = {"WD": "everyone", "BU": "all users", "AU": "all logged-in users", "BG": "guests", "AN": "anonymous users"}


@dataclass(frozen=True, slots=True)
class WindowsAccess:
    """Windows' access lists, through its own programs, which `run` runs."""

    run: Run
    folder: Path
    """Where Windows keeps its programs: they are not taken from `PATH` or the current folder."""

    def others(self, path: Path) -> tuple[str, ...]:
        """Return who may read a file, besides the current user and administrators. Raises `OSError`, `CommandError`."""
        with tempfile.TemporaryDirectory(prefix="claude-proxy-") as folder:
            saved = Path(folder) / "access"
            self.run([self._program("icacls"), str(path), "/save", str(saved)])
            listed = saved.read_bytes().decode("utf-16-le", "replace")
        return strangers(listed, self._user())

    def close(self, path: Path) -> None:
        """Let the current user alone read and change a file. Raises `OSError`, `CommandError`."""
        program = self._program("icacls")
        user = self._user()
        self.run([program, str(path), "/reset"])  # the next one removes only inherited entries
        self.run([program, str(path), "/inheritance:r", "/grant:r", f"*{user}:F"])

    def _user(self) -> str:
        user = _SID.search(self.run([self._program("whoami"), "/user", "/fo", "csv", "/nh"]))
        if user is None:
            raise CommandError("Windows does not say who the current user is")
        return user[0]

    def _program(self, name: str) -> str:
        return str(self.folder / f"{name}.exe")


def strangers(sddl: str, user: str) -> tuple[str, ...]:
    """Return the users that an access list in SDDL names, besides `user` (a SID) and administrators."""
    allowed = [who for _, flags, who in _ENTRY.findall(sddl) if _INHERIT_ONLY not in flags]
    others = [who for who in allowed if who not in _ADMINISTRATORS and who not in {user, _OWNER}]
    return tuple(dict.fromkeys(_NAMES.get(who, who) for who in others))


def of_this_system() -> WindowsAccess:
    """Return the access lists of the Windows that this runs on."""
    return WindowsAccess(_run, Path(os.environ.get("SYSTEMROOT", r"C:\Windows")) / "System32")


def _run(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - programs of the system, by their whole path
            command, capture_output=True, timeout=TOOL_TIMEOUT, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        raise CommandError(f"{Path(command[0]).name} took longer than {TOOL_TIMEOUT:.0f} s") from None
    if done.returncode:
        raise CommandError(f"{Path(command[0]).name} ended with {done.returncode}")
    return done.stdout.decode(errors="replace")
