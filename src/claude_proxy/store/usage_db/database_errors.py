"""What is wrong with state/usage.db: the errors of SQLite and of the system, in words."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from claude_proxy.core.text import PROGRAM

_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_WORDS: Final[Mapping[int, tuple[str, str]]] = MappingProxyType(
    {
        sqlite3.SQLITE_FULL: ("the disk is full", "Free some space"),
        sqlite3.SQLITE_BUSY: ("another program has locked it", "End that program"),
        sqlite3.SQLITE_READONLY: ("it is read-only", "Allow its owner to write it"),
    }
)
_NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})


class DatabaseError(Exception):
    """The file can't be used now. Its text says why, in words that stand well in brackets; `remedy` what to do."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.remedy = remedy


class DamagedError(DatabaseError):
    """What the file holds can't be read, and will not become readable."""


class LostError(DatabaseError):
    """The file has to be opened anew: it was removed, or reading or writing it failed."""


def newer() -> DatabaseError:
    """Return the error of a file that a newer version of this program made."""
    return DatabaseError(f"a newer version of {PROGRAM} made it", f"Update {PROGRAM}, or remove the file")


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn the errors of SQLite and of the system, about this file, into `DatabaseError`."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translation(path, error) from error
    except UnicodeDecodeError as error:  # sqlite3's own, of an error that quotes what the file holds
        raise DamagedError("its tables have no readable names") from error
    except OSError as error:
        raise LostError(error.strerror or type(error).__name__) from error


def is_passing(error: sqlite3.Error) -> bool:
    """Whether the same may succeed later: another connection holds a lock, or the disk is full."""
    return _code(error) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL}


def _translation(path: Path, error: sqlite3.Error) -> DatabaseError:
    code = _code(error)
    if code in _DAMAGED:
        return DamagedError(str(error))
    if code == sqlite3.SQLITE_BUSY and not _has_locks(path):  # SQLite takes the one for the other
        return DatabaseError("its disk has no locks", "Move the folder to another disk")
    if code in _WORDS:
        return DatabaseError(*_WORDS[code])
    return LostError(str(error))


def _code(error: sqlite3.Error) -> int:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest of it tells kinds of I/O errors apart
    return int(code)


def _has_locks(path: Path) -> bool:
    """Whether files beside this one can be locked; some network drives and shared folders have no locks."""
    if sys.platform == "win32":
        return True
    import fcntl  # noqa: PLC0415 - not on Windows

    probe = path.with_name(f".{path.name}.locks")
    try:
        descriptor = os.open(probe, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError:
        return True  # not known
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in _NO_LOCKS
    finally:
        os.close(descriptor)
        probe.unlink(missing_ok=True)
    return True
