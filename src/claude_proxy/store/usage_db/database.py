"""Opens state/usage.db for writing, and appends rows to it.

The folder is its owner's alone, so nobody else can put anything there between the look at a file and its opening. A
file that is there is only looked at: if this process opened and closed it itself, the locks that SQLite holds on it
would be gone (sqlite.org/howtocorrupt.html, 2.2).
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from claude_proxy.core.types import Account
from claude_proxy.store.own_files import open_own
from claude_proxy.store.usage_db.rows import ATTEMPT_COLUMNS, EXCHANGE_COLUMNS, attempt_rows, exchange_row
from claude_proxy.store.usage_db.schema import APPLICATION_ID, STEPS, VERSION

BUSY_SECONDS: Final = 2.0
"""How long another program's lock is waited for."""

_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_WORDS: Final = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_BUSY: "another program has locked it",
}


def _insert(table: str, columns: str) -> str:
    return f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' for _ in columns.split(','))})"  # noqa: S608


_INSERT_EXCHANGE: Final = _insert("exchanges", EXCHANGE_COLUMNS)
_INSERT_ATTEMPT: Final = _insert("attempts", ATTEMPT_COLUMNS)


class DatabaseError(Exception):
    """The file can't be used now; the text says why, in words that stand well in brackets."""


class DamagedError(DatabaseError):
    """What the file holds can't be read, and will not become readable."""


class NewerError(DatabaseError):
    """A newer version of this program made the file."""


class Database:
    """The open file. Of one thread, which has to close it."""

    def __init__(self, path: Path) -> None:
        """Open the file, made if it is not there, and bring it up to date. Raises `DatabaseError`."""
        with _translated():
            if not os.path.lexists(path):
                os.close(open_own(path, os.O_RDWR | os.O_CREAT | os.O_EXCL))
            self._connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            with _translated():
                self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def add(self, accounts: Iterable[Account]) -> None:
        """Append exchanges: all of them or, if it raises `DatabaseError`, none."""
        connection = self._connection
        with _translated(), self._transaction():
            for account in accounts:
                exchange = connection.execute(_INSERT_EXCHANGE, exchange_row(account)).lastrowid
                if exchange is not None and account.attempts:
                    connection.executemany(_INSERT_ATTEMPT, attempt_rows(exchange, account))

    def close(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()

    def _prepare(self) -> None:
        connection = self._connection
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise NewerError("a newer version of this program made it")
        if version == 0:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # before the first table, or it does nothing
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA cache_size = -512")  # KiB: rows are appended, and old ones not looked at
        for number, step in enumerate(STEPS[version:], version + 1):
            with self._transaction():
                for statement in step.statements:
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {number}")

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Turn the errors of SQLite and of the system into `DatabaseError`."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest of it tells kinds of I/O errors apart
        kind = DamagedError if code in _DAMAGED else DatabaseError
        raise kind(_WORDS.get(code, str(error))) from error
    except OSError as error:
        raise DatabaseError(error.strerror or type(error).__name__) from error
