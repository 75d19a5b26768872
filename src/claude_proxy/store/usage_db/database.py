"""The open state/usage.db: appends rows, and removes old ones in small steps."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from claude_proxy.core.types import Account
from claude_proxy.store.usage_db.failures import LostError, translated
from claude_proxy.store.usage_db.opening import has_wal, open_connection, transaction
from claude_proxy.store.usage_db.rows import ATTEMPT_COLUMNS, EXCHANGE_COLUMNS, attempt_rows, exchange_row

PRUNED_AT_ONCE: Final = 500
"""Exchanges that are removed in one transaction: a few milliseconds, in which nothing else is written."""

_FREE_PAGES: Final = 1000
"""Pages of removed rows, of 4 KiB, that the file keeps for new ones."""


def _insert(table: str, columns: str) -> str:
    return f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' for _ in columns.split(','))})"  # noqa: S608


_INSERT_EXCHANGE: Final = _insert("exchanges", EXCHANGE_COLUMNS)
_INSERT_ATTEMPT: Final = _insert("attempts", ATTEMPT_COLUMNS)


class Database:
    """The open file. Of one thread, which has to close it. Every method raises `DatabaseError`."""

    def __init__(self, path: Path, *, after_crash: bool = True) -> None:
        """Open the file, made if it is not there, and bring it up to date.

        `after_crash`: look through the whole file if it was not closed properly.
        """
        self._path = path
        with translated(path):
            self._connection = open_connection(path, after_crash=after_crash)
            self._identity = _identity(path)
            self.has_wal = has_wal(self._connection)

    def add(self, accounts: Iterable[Account]) -> None:
        """Append exchanges: all of them or, if it raises, none."""
        connection = self._connection
        with translated(self._path):
            if _identity(self._path) != self._identity:
                raise LostError("it was removed")
            with transaction(connection):
                for account in accounts:
                    exchange = connection.execute(_INSERT_EXCHANGE, exchange_row(account)).lastrowid
                    if exchange is not None:
                        connection.executemany(_INSERT_ATTEMPT, attempt_rows(exchange, account))

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


def _identity(path: Path) -> tuple[int, int]:
    facts = path.stat()
    return facts.st_dev, facts.st_ino
