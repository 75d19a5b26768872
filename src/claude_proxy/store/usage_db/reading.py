"""Opens state/usage.db for reading: while the proxy writes it, and while none runs.

SQLite opens and closes the file by itself, and nothing else here does: in the process that writes it, that would take
away the locks on it (sqlite.org/howtocorrupt.html, 2.2).
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from claude_proxy.store.own_files import foreign_owner
from claude_proxy.store.usage_db.schema import VERSION

BUSY_SECONDS: Final = 2.0
"""How long another program's lock is waited for."""

_NOT_WRITABLE: Final = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN})
"""The files that SQLite has beside the file, for locks, can't be made or written."""

_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class UnreadableError(Exception):
    """The file cannot be read; the text says why, and the next step."""


class NothingRecordedError(UnreadableError):
    """There is no file yet, or nothing in it."""


@contextlib.contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the file for the queries of the block, which all see the same moment. Raises `UnreadableError`, then too."""
    _require_file(path)
    try:
        with contextlib.closing(_open(path)) as database:
            _require_version(path, database)
            yield database
    except sqlite3.Error as error:
        raise UnreadableError(_in_words(path, error)) from error
    except UnicodeDecodeError as error:  # sqlite3's own, of an error that quotes what the file holds
        raise UnreadableError(_damaged(path, "it holds what is no text")) from error


def _require_file(path: Path) -> None:
    try:
        facts = path.lstat()
    except FileNotFoundError:
        raise _nothing_recorded(path) from None
    except OSError as error:
        raise UnreadableError(f"{path} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(facts.st_mode):
        raise UnreadableError(f"{path} is no regular file; remove it")
    if owner := foreign_owner(path):
        raise UnreadableError(f"{path} belongs to {owner}, not to you; remove it")
    if not os.access(path, os.R_OK):
        raise UnreadableError(f"{path} cannot be read: you have no permission")


def _open(path: Path) -> sqlite3.Connection:
    unchanging = "&immutable=1" if _cannot_change(path) else ""
    database = sqlite3.connect(
        f"{path.as_uri()}?mode=ro{unchanging}", timeout=BUSY_SECONDS, isolation_level=None, uri=True
    )
    try:
        database.execute("PRAGMA temp_store = MEMORY")
        database.execute("BEGIN")
    except BaseException:
        database.close()
        raise
    return database


def _cannot_change(path: Path) -> bool:
    """Whether all is in the file, and its folder can't be written: then SQLite can't make its files for locks there."""
    return not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists()


def _require_version(path: Path, database: sqlite3.Connection) -> None:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version == 0:
        raise _nothing_recorded(path)
    if version > VERSION:
        raise UnreadableError(f"{path} was made by a newer version of claude-proxy. Use that version, or a newer one")
    if version < VERSION:
        raise UnreadableError(f"{path} is of an older version. `claude-proxy restart` brings it up to date")


def _nothing_recorded(path: Path) -> NothingRecordedError:
    return NothingRecordedError(f"{path} has no requests yet. The proxy records each one that it serves")


def _damaged(path: Path, how: str) -> str:
    return f"{path} is damaged ({how}). `claude-proxy restart` puts it aside and begins a new one"


def _in_words(path: Path, error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _DAMAGED:
        return _damaged(path, str(error))
    if code == sqlite3.SQLITE_BUSY:
        return f"{path} is locked by another program. Try again when that has ended"
    if code in _NOT_WRITABLE:
        return f"{path} cannot be read: {error}. Allow yourself to write in {path.parent}, where SQLite keeps its locks"
    return f"{path} cannot be read: {error}"
