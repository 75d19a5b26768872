"""A database that is kept through failures, as its tests use it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from claude_proxy.proxy.ports import Level
from claude_proxy.store.usage_db.resilient import ResilientDatabase
from store.usage_db.accounts import NOW, account, rows

MADE: list[Kept] = []


class Kept:
    """A resilient database, and what it says."""

    def __init__(self, path: Path, days: int = 400) -> None:
        MADE.append(self)
        self.path = path
        self.said: list[str] = []
        self.database = ResilientDatabase(path, self.say, days, lambda: NOW)

    def say(self, text: str, level: Level) -> None:
        self.said.append(f"{level}: {text}")

    def write(self, *sessions: str, refused: int = 0) -> None:
        self.database.write([account(session=session) for session in sessions], refused)

    @property
    def sessions(self) -> list[str]:
        return [row["session"] for row in rows(self.path)]

    @property
    def connection(self) -> sqlite3.Connection:
        assert self.database._database
        return self.database._database._connection
