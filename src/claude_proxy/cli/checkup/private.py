"""Whether the files with keys, the token and the log are for the user's eyes only."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from shlex import quote

from claude_proxy.cli.checkup import access
from claude_proxy.cli.checkup.access import WindowsAccess
from claude_proxy.cli.checkup.finding import Finding, note, ok, wrong
from claude_proxy.cli.checkup.surroundings import Surroundings
from claude_proxy.cli.exits import CommandError
from claude_proxy.store.home import Home

PRIVATE_FILE = 0o600


def look(around: Surroundings) -> Iterator[Finding]:
    """Find out who may read what is private."""
    home = around.home
    if not home.root.is_dir():
        mend = "Copy config.json and .env there, as the README says; `claude-proxy check` tells what is missing."
        yield wrong("home", f"there is no folder {home.root}", mend)
        return
    if sys.platform == "win32":
        yield from on_windows((home.env, home.token), access.of_this_system())
    else:
        yield from folders(home)
        yield from on_posix((home.env, home.token, home.log))


def folders(home: Home) -> Iterator[Finding]:
    """Judge the modes of the home's folders; one of somebody else, or that all share, is left alone."""
    open_ones = [path for path in (home.root, home.state) if path.is_dir() and _is_open_folder(path.stat())]
    for path in open_ones:
        mend = f"Run: chmod 700 {quote(str(path))}"
        yield note("home", f"others on this machine may look into {path}", mend, home.prepare)
    if not open_ones:
        yield ok("home", str(home.root))


def _is_open_folder(facts: os.stat_result) -> bool:
    mode = stat.S_IMODE(facts.st_mode)
    return bool(mode & 0o077) and facts.st_uid == os.geteuid() and not mode & stat.S_ISVTX


def on_posix(paths: tuple[Path, ...]) -> Iterator[Finding]:
    """Judge files by their modes."""
    for path in paths:
        if not path.exists():
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            what = f"others on this machine may read {path.name} (mode {mode:04o})"
            yield wrong("private", what, f"Run: chmod 600 {quote(str(path))}", partial(path.chmod, PRIVATE_FILE))
        else:
            yield ok("private", f"{path.name} is yours alone")


def on_windows(paths: tuple[Path, ...], lists: WindowsAccess) -> Iterator[Finding]:
    """Judge files by their access lists."""
    for path in filter(Path.exists, paths):
        mend = "Run: claude-proxy doctor --fix; by icacls, it lets your user alone read the file."
        try:
            others = lists.others(path)
        except CommandError as error:
            yield note("private", f"who may read {path.name} is not known: {error}", "The README tells how.")
            continue
        if others:
            told = f"others may read {path.name}: {', '.join(others)}"
            yield wrong("private", told, mend, partial(lists.close, path))
        else:
            yield ok("private", f"{path.name} is yours alone")
