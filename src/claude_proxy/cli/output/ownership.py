"""Files that belong to another user, as after a command with sudo: which ones keep us out, and how to get them back."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from shlex import quote

from claude_proxy.store.home import Home


def owner_fix(path: Path, access: int = os.W_OK) -> str:
    """Return how to get a file back that another user owns and that we cannot access; empty if that is not so.

    `access` is what we need, as `os.access` takes it. A folder around the file counts too, up to the user's own.
    """
    if sys.platform == "win32" or os.geteuid() == 0:
        return ""
    for each in (path, *path.parents):
        if each in {Path.home(), Path(each.anchor)}:
            break
        owner = _owner(each)
        if owner == os.geteuid() and each.is_dir():
            break  # the folders around one of our own have only to be passed through
        if owner is not None and owner != os.geteuid() and not os.access(each, _needed(each, access)):
            return _fix(_outermost(each, owner), owner)
    return ""


def home_fix(home: Home) -> str:
    """Return how to get the first of a home's files back that another user owns; empty if there is none."""
    return next(filter(None, (owner_fix(path, access) for path, access in _files(home))), "")


def _files(home: Home) -> Iterator[tuple[Path, int]]:
    """Yield the files of a home, with the access that we need."""
    yield from ((folder, os.W_OK) for folder in (home.root, home.state))
    yield from ((path, os.R_OK) for path in (home.config, home.env, home.token, home.running, home.memory))
    yield home.log, os.W_OK
    with contextlib.suppress(OSError):
        yield from ((path, os.W_OK) for path in home.state.glob("*.lock"))


def _needed(path: Path, access: int) -> int:
    return os.X_OK | access if path.is_dir() else access


def _owner(path: Path) -> int | None:
    try:
        return path.stat().st_uid
    except OSError:  # there is none, or a folder around it keeps us out
        return None


def _outermost(path: Path, owner: int) -> Path:
    """Return the outermost folder of the same owner inside the user's own folder: all in it has one owner."""
    while path.parent.is_relative_to(Path.home()) and path.parent != Path.home() and _owner(path.parent) == owner:
        path = path.parent
    return path


def _fix(path: Path, owner: int) -> str:
    chown = f"sudo chown -R {_name(os.geteuid())} {quote(str(path))}"
    return f"{path} belongs to {_name(owner)}, as after a command with sudo. To get it back, run: {chown}"


def _name(uid: int) -> str:
    import pwd  # noqa: PLC0415 - there is none on Windows

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
