"""The files that are ours alone (the token, the log, a lock): opened only if no other user can have put them there.

Neither pathlib nor typing is loaded here: the status line has no time for them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys

OWNER_ONLY = 0o600
OTHERS = 0o077
"""The bits of a mode that let other users in."""
_ROOT = 0


class NotRegularError(OSError):
    """A pipe, a device or a socket is in the place of a file of ours."""


def read_own(path: str | os.PathLike[str], limit: int) -> bytes | None:
    """Return what a file of ours holds, or its first `limit` bytes and one more; None if it is no regular file.

    Raises `OSError` as `open_own` does.
    """
    try:
        descriptor = open_own(path, os.O_RDONLY)
    except NotRegularError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read(limit + 1)


def open_own(path: str | os.PathLike[str], flags: int) -> int:
    """Open a file that is ours alone, or make it for its owner alone if `flags` say so. Returns the descriptor.

    It has to be a regular file, no link, and no other user's: another user may have put that there to have it used,
    or to have something else written through it. Raises `OSError`, which names the file and says what to do.
    """
    name = os.fspath(path)
    with contextlib.suppress(FileNotFoundError):
        _require_own(os.lstat(name), name)  # before it is opened, which alone can act on a device
    extra = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    descriptor = open_at_once(name, flags | extra)
    try:
        _require_own(os.fstat(descriptor), name)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def require_own(path: str | os.PathLike[str]) -> os.stat_result:
    """Check a file that another library opens, and close it to others. Returns its facts.

    Raises `OSError` as `open_own` does, which is safer: here the file is looked at and not opened.
    """
    name = os.fspath(path)
    facts = os.lstat(name)
    _require_own(facts, name)
    if os.name != "nt" and facts.st_mode & OTHERS:
        with contextlib.suppress(OSError):  # a file system without modes
            os.chmod(name, OWNER_ONLY)  # noqa: PTH101 - no pathlib here
    return facts


def _require_own(facts: os.stat_result, name: str) -> None:
    if stat.S_ISLNK(facts.st_mode):
        raise OSError(errno.ELOOP, "it is a link, which is not followed here; remove it", name)
    if stat.S_ISDIR(facts.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
    if not stat.S_ISREG(facts.st_mode):
        raise NotRegularError(errno.EINVAL, "it is no regular file; remove it", name)
    if is_foreign(facts, name):
        raise PermissionError(errno.EPERM, f"it belongs to {user_name(facts.st_uid)}, not to you; remove it", name)


def is_foreign(facts: os.stat_result, path: str | os.PathLike[str]) -> bool:
    """Whether a file, whose `facts` these are, belongs to another user.

    Not if it is root's, who can do everything anyway, and not if it has the owner of its folder, who decides what is
    in it: root may use a user's home, as with `sudo` or in a container, and a file server or a disk without owners may
    give all files to one user.
    """
    if sys.platform == "win32" or facts.st_uid in {os.geteuid(), _ROOT}:
        return False
    return facts.st_uid != os.stat(os.path.dirname(path) or os.curdir).st_uid  # noqa: PTH116, PTH120 - no pathlib here


def foreign_owner(path: str | os.PathLike[str]) -> str:
    """Return which other user a file or a link belongs to, an empty text if it is none's, or if there is no file."""
    try:
        facts = os.lstat(path)
        return user_name(facts.st_uid) if is_foreign(facts, path) else ""
    except OSError:
        return ""


def user_name(uid: int) -> str:
    """Return a user's name, and the number if the system knows no name."""
    if sys.platform == "win32":
        return f"user {uid}"
    import pwd  # noqa: PLC0415 - for errors only

    try:
        return f"user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"user {uid}"


def open_at_once(path: str | os.PathLike[str], flags: int) -> int:
    """Open a file without waiting for the other end of a pipe. Returns the descriptor. Raises `OSError`."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0), OWNER_ONLY)
