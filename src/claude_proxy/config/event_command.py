"""The user's command for events: where it is, and whether config.json is only the user's own, since it is run."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from shlex import quote
from typing import Final

from claude_proxy.config.problem import Findings, quoted
from claude_proxy.store.own_files import user_name

_OTHERS_MAY_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


def event_command(given: tuple[str, ...], config: Path, findings: Findings) -> tuple[str, ...]:
    """Return the command; none, with a warning, if another user can change what it is."""
    if not given:
        return ()
    program = given[0]
    if not program.strip():
        findings.problem("on_event[0]", "it is empty", "Write the path of a program, in quotes.")
    elif _is_relative(program):
        fix = "Write its whole path, or one that begins with ~/."
        findings.problem("on_event[0]", f"{quoted(program)} is a path from nowhere in particular", fix)
    elif why := _why_not_trusted(config):
        findings.warn(f"config.json: on_event is not run: {why}")
    else:
        return given
    return ()


def _is_relative(program: str) -> bool:
    """Whether it is a path, and no name to look for on PATH, that is not complete."""
    has_folder = bool(os.path.dirname(program))  # noqa: PTH120 - Path would drop "./"
    return has_folder and not os.path.isabs(os.path.expanduser(program))  # noqa: PTH111, PTH117 - a text


def _why_not_trusted(config: Path) -> str:
    """Return who else can change a file, and what to do about that; empty if nobody can.

    On Windows a file in a user's own folder has that folder's access rights.
    """
    if sys.platform == "win32":
        return ""
    try:
        file = config.resolve(strict=True)
        for path in dict.fromkeys((file, file.parent, config.parent.resolve())):
            facts = path.stat()
            if facts.st_uid not in {os.geteuid(), 0}:
                return f"{path} belongs to {user_name(facts.st_uid)}, who can change it. Replace it by a copy"
            if facts.st_mode & _OTHERS_MAY_WRITE and not (path.is_dir() and facts.st_mode & stat.S_ISVTX):
                mode = stat.S_IMODE(facts.st_mode)
                return f"others can change {path} (mode {mode:04o}). Run: chmod go-w {quote(str(path))}"
    except OSError as error:
        return f"it cannot be told who can change it ({error.strerror})"
    return ""
