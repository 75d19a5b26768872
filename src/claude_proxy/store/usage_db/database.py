"""The open state/usage.db: appends rows, and removes old ones in small steps."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Final

from claude_proxy.core.types import Account
from claude_proxy.store.usage_db.database_errors import LostError, translated
from claude_proxy.store.usage_db.opening import has_wal, open_connection, transaction
from claude_proxy.store.usage_db.rows import ATTEMPT_COLUMNS, EXCHANGE_COLUMNS, Row, attempt_rows, exchange_row

PRUNED_AT_ONCE: Final = 500
"""Exchanges that are removed in one transaction: a few milliseconds, in which nothing else is written."""

_ROWS_AT_ONCE: Final = (64, 8, 1)

_FREE_PAGES: Final = 1000
"""Pages of removed rows, of 4 KiB, that the file keeps for new ones."""


class Database:
    """The open file. Of one thread, which has to close it. Every method raises `DatabaseError`."""

    def __init__(self, path: Path, *, after_crash: bool = True) -> None:
        """Open the file, made if it is not there, and bring it up to date.

        `after_crash`: look through the whole file if it was not closed properly.
        """
        self._path = path
        with translated(path):
            self._connection = open_connection(path, after_crash=after_crash)
        try:
            with translated(path):
                self._identity = _identity(path)
                self.has_wal = has_wal(self._connection)
        except BaseException:
            self.close()
            raise

    def add(self, accounts: Iterable[Account]) -> None:
        """Append exchanges: all of them or, if it raises, none."""
        connection = self._connection
        with translated(self._path):
            if _identity(self._path) != self._identity:
                raise LostError("it was removed")
            with transaction(connection):
                (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM exchanges").fetchone()
                numbered = list(enumerate(accounts, last + 1))
                _insert(connection, "exchanges", EXCHANGE_COLUMNS, [exchange_row(*each) for each in numbered])
                attempts = [row for each in numbered for row in attempt_rows(*each)]
                _insert(connection, "attempts", ATTEMPT_COLUMNS, attempts)

    def prune(self, before: float) -> bool:
        """Remove some of the exchanges that started `before` a time; return whether there may be more."""
        connection = self._connection
        with translated(self._path):
            found = connection.execute(
                "SELECT id FROM exchanges WHERE started_at < ? ORDER BY started_at LIMIT ?", (before, PRUNED_AT_ONCE)
            ).fetchall()
            if found:
                with transaction(connection):
                    connection.executemany("DELETE FROM attempts WHERE exchange = ?", found)
                    connection.executemany("DELETE FROM exchanges WHERE id = ?", found)
            (free,) = connection.execute("PRAGMA freelist_count").fetchone()
            if free > _FREE_PAGES:
                connection.execute(f"PRAGMA incremental_vacuum({PRUNED_AT_ONCE})").fetchall()
            return len(found) == PRUNED_AT_ONCE or free > _FREE_PAGES

    def close(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()


def _insert(connection: sqlite3.Connection, table: str, columns: str, rows: Sequence[Row]) -> None:
    """Insert many rows with each statement, which takes half of the time of a statement for each row."""
    start = 0
    for size in _ROWS_AT_ONCE:
        statement = _statement(table, columns, size)
        while len(rows) - start >= size:
            connection.execute(statement, [*chain.from_iterable(rows[start : start + size])])
            start += size


@cache
def _statement(table: str, columns: str, rows: int) -> str:
    row = f"({', '.join('?' for _ in columns.split(','))})"
    return f"INSERT INTO {table} ({columns}) VALUES {', '.join([row] * rows)}"  # noqa: S608 - our own words


def _identity(path: Path) -> tuple[int, int]:
    facts = path.stat()
    return facts.st_dev, facts.st_ino
