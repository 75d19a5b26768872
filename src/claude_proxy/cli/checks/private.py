"""Whether only the user may read the files with keys, the token and the log."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from shlex import quote

from claude_proxy.cli.background import lifecycle
from claude_proxy.cli.checks import windows_access
from claude_proxy.cli.checks.context import CheckContext
from claude_proxy.cli.checks.finding import Finding, note, ok, wrong
from claude_proxy.cli.checks.windows_access import WindowsAccess
from claude_proxy.cli.output.exit_codes import CommandError
from claude_proxy.cli.output.ownership import home_fix
from claude_proxy.cli.output.program import invocation
from claude_proxy.store.home import Home
from claude_proxy.store.own_files import OTHERS, OWNER_ONLY, foreign_owner, open_at_once
from claude_proxy.store.token import exposure, secure_token


def inspect(context: CheckContext) -> Iterator[Finding]:
    """Check who may read what is private."""
    home = context.home
    if not home.root.is_dir():
        fix = f"Copy config.json and .env there, as the README says; `{invocation('check')}` says what is missing."
        yield wrong("home", f"there is no folder {home.root}", fix)
        return
    if fix := home_fix(home):
        what, _, command = fix.partition(". ")
        yield wrong("home", what, command)
    if sys.platform == "win32":
        yield from on_windows((home.env, home.token), windows_access.of_this_system())
    else:
        yield from folders(home)
        if owner := foreign_owner(home.env):
            fix = f"See what is in it, then replace it by a copy of your own: {quote(str(home.env))}"
            yield wrong("private", f".env belongs to {owner}, not to you", fix)
        yield from on_posix((home.env,), home.root)
        yield from ours((home.token, home.log, home.memory, home.running))
        yield from token(home)
        yield from on_posix(tuple(path for path in (home.log, home.memory) if not path.is_symlink()), home.root)


def folders(home: Home) -> Iterator[Finding]:
    """Assess the modes of the home's folders; another user's folder, or one that all share, is left alone."""
    open_ones = [path for path in (home.root, home.state) if path.is_dir() and _is_open_folder(path.stat())]
    for path in open_ones:
        fix = f"Run: chmod 700 {quote(str(path))}"
        yield note("home", f"other users of this machine may look into {path}", fix, home.prepare)
    if not open_ones:
        yield ok("home", str(home.root))


def _is_open_folder(facts: os.stat_result) -> bool:
    mode = stat.S_IMODE(facts.st_mode)
    return bool(mode & OTHERS) and facts.st_uid == os.geteuid() and not mode & stat.S_ISVTX


def ours(paths: tuple[Path, ...]) -> Iterator[Finding]:
    """Assess files that only this program writes: another user's, or a link, is not used."""
    for path in filter(os.path.lexists, paths):
        remove = f"Remove it: rm {quote(str(path))}"
        if path.is_symlink():
            yield wrong("private", f"{path.name} is a link to {path.readlink()}, which is not followed", remove)
        elif owner := foreign_owner(path):
            yield wrong("private", f"{path.name} belongs to {owner}, not to you", remove)


def token(home: Home) -> Iterator[Finding]:
    """Assess the token: one that others may have read is no secret any more, so it is replaced and not only closed."""
    if exposed := exposure(home):
        fix = f"Run: {invocation('restart')}. It makes a new one; then restart the clients that have the old one."
        served = lifecycle.is_served(home)
        yield wrong("private", exposed, fix, None if served else partial(_replace_token, home))
    elif home.token.exists() and not home.token.is_symlink():
        yield from on_posix((home.token,), home.root)


def _replace_token(home: Home) -> None:
    done = secure_token(home)
    if exposure(home):
        raise CommandError(done)


def on_posix(paths: tuple[Path, ...], root: Path) -> Iterator[Finding]:
    """Assess files by their modes. Only a regular file of the user's, inside the home `root`, can be repaired."""
    for path in filter(Path.exists, paths):
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            yield note("private", f"{path.name} is no regular file", f"Check what {quote(str(path))} is.")
        elif not (mode := stat.S_IMODE(facts.st_mode)) & OTHERS:
            yield ok("private", f"only you may read {path.name}")
        else:
            what = f"other users of this machine may read {path.name} (mode {mode:04o})"
            real = path.resolve()
            if facts.st_uid != os.geteuid():
                yield wrong("private", f"{what}, and it is not your file", f"Check who owns {quote(str(real))}.")
            elif not real.is_relative_to(root.resolve()):
                outside = f"{what}, and it is outside {root}: {real}"
                yield wrong("private", outside, f"Run, unless others are to read it: chmod 600 {quote(str(real))}")
            else:
                yield wrong("private", what, f"Run: chmod 600 {quote(str(path))}", partial(close, real))


def close(path: Path) -> None:
    """Let only the user read a file. Raises `OSError`, also if it has become something else meanwhile."""
    descriptor = open_at_once(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.geteuid():
            raise PermissionError(errno.EPERM, "it is no regular file of yours", str(path))
        os.fchmod(descriptor, OWNER_ONLY)
    finally:
        os.close(descriptor)


def on_windows(paths: tuple[Path, ...], lists: WindowsAccess) -> Iterator[Finding]:
    """Assess files by their access lists."""
    for path in filter(Path.exists, paths):
        fix = f"Run: {invocation('doctor --fix')}; it uses icacls to let only your user read the file."
        try:
            others = lists.others(path)
        except CommandError as error:
            yield note(
                "private",
                f"Windows does not say who may read {path.name}: {error}",
                "docs/security.md says how to let only yourself read it.",
            )
            continue
        if others:
            what = f"others may read {path.name}: {', '.join(others)}"
            yield wrong("private", what, fix, partial(lists.close, path))
        else:
            yield ok("private", f"only you may read {path.name}")
