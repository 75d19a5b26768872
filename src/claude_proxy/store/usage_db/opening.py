"""Opens state/usage.db for writing: ours alone, whole, and up to date.

The folder is its owner's alone, so nobody else can put anything there between the look at a file and its opening. A
file that is there is only looked at: if this process opened and closed it itself, the locks that SQLite holds on it
would be gone (sqlite.org/howtocorrupt.html, 2.2).
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Final

from claude_proxy.store.own_files import open_own, require_own
from claude_proxy.store.usage_db.database_errors import DamagedError, is_passing, newer
from claude_proxy.store.usage_db.rows import ATTEMPT_COLUMNS, EXCHANGE_COLUMNS
from claude_proxy.store.usage_db.schema import APPLICATION_ID, STEPS, VERSION

BUSY_SECONDS: Final = 2.0
"""How long another program's lock is waited for."""

COMPANIONS: Final = ("-wal", "-shm", "-journal")
"""How the names of SQLite's files beside a database end."""

_VFS: Final = ""
"""SQLite's own choice of how it reaches files; tests choose one that lacks something."""

_CACHE: Final = 512
"""KiB of the file that are kept in memory: rows are appended, and old ones not looked at."""


def open_connection(path: Path, *, after_crash: bool) -> sqlite3.Connection:
    """Open the file, made if it is not there. Raises `DatabaseError`, `sqlite3.Error` and `OSError`.

    `after_crash`: look through the whole file if it was not closed properly.
    """
    unclean = after_crash and _size(path, "-wal") > 0
    if _make(path):
        _look_first(path)
    connection = _connect(path, "rwc")
    try:
        _prepare(connection)
        if unclean:
            _check(connection)
    except BaseException:
        connection.close()
        raise
    return connection


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Make all changes of the block, or none."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def put_aside(path: Path, now: float) -> Path:
    """Rename a damaged file, and what SQLite has beside it, which may help to repair it. Raises `OSError`."""
    date = datetime.fromtimestamp(now).astimezone().strftime("%Y-%m-%d-%H%M%S")
    aside = path.with_name(f"{path.name}.damaged-{date}")
    for companion in COMPANIONS:
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + companion).replace(aside.with_name(aside.name + companion))
    path.replace(aside)
    return aside


def _size(path: Path, companion: str) -> int:
    try:
        return path.with_name(path.name + companion).lstat().st_size
    except FileNotFoundError:
        return 0


def _make(path: Path) -> bool:
    """See that the file is ours alone, or make it so; return whether it holds anything."""
    path.parent.mkdir(mode=0o700, exist_ok=True)  # it may be removed while the proxy runs
    for companion in COMPANIONS:
        with contextlib.suppress(FileNotFoundError):
            require_own(path.with_name(path.name + companion))
    try:
        return require_own(path).st_size > 0
    except FileNotFoundError:
        os.close(open_own(path, os.O_RDWR | os.O_CREAT | os.O_EXCL))
        return False


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.as_uri()}?mode={mode}{_VFS}"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)


def _look_first(path: Path) -> None:
    """Refuse what is not ours without a connection that could write: even closing one moves rows from `-wal`."""
    with contextlib.suppress(sqlite3.OperationalError), closing(_connect(path, "ro")) as connection:
        _refuse(connection)


def _refuse(connection: sqlite3.Connection) -> None:
    """Raise `DatabaseError` for a file that a newer version or another program has made."""
    version = _number(connection, "user_version")
    foreign = _number(connection, "application_id") != APPLICATION_ID
    if foreign and (version or connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()):
        raise DamagedError("another program made it")
    if version > VERSION:
        raise newer()


def _prepare(connection: sqlite3.Connection) -> None:
    _use_wal(connection)
    _refuse(connection)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA cache_size = -{_CACHE}")
    version = _number(connection, "user_version")
    for number, step in enumerate(STEPS[version:], version + 1):
        with transaction(connection):
            for statement in step.statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {number}")
    for table, columns in (("exchanges", EXCHANGE_COLUMNS), ("attempts", ATTEMPT_COLUMNS)):
        _require_columns(connection, table, columns)


def _require_columns(connection: sqlite3.Connection, table: str, columns: str) -> None:
    try:
        connection.execute(f"SELECT {columns} FROM {table} LIMIT 0")  # noqa: S608 - our own words
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:  # no such table, no such column
            raise DamagedError(str(error)) from error
        raise


def _check(connection: sqlite3.Connection) -> None:
    """Look through the whole file: a second for a year of rows."""
    if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise DamagedError("a check of its pages failed")


def has_wal(connection: sqlite3.Connection) -> bool:
    """Whether others can read while rows are written."""
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    return str(mode) == "wal"


def _use_wal(connection: sqlite3.Connection) -> None:
    """Let others read while rows are written; without that, on a disk that can't, they wait for each other."""
    try:
        if not _number(connection, "page_count"):
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # before the first table, or it does nothing
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        if is_passing(error):
            raise
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")  # a file in that mode can't be read there otherwise
        connection.execute("PRAGMA journal_mode = TRUNCATE")
        connection.execute("PRAGMA locking_mode = NORMAL")
        _number(connection, "user_version")  # with the first look at the file, the lock goes


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    (value,) = connection.execute(f"PRAGMA {pragma}").fetchone()
    return int(value)
