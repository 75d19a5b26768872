"""The database through failures: what can't be written waits, a damaged file is put aside, and each is said once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from claude_proxy.core.types import Account
from claude_proxy.proxy.ports import Level
from claude_proxy.store.usage_db.database import Database
from claude_proxy.store.usage_db.database_errors import DamagedError, DatabaseError, LostError, translated
from claude_proxy.store.usage_db.opening import put_aside

MAX_WAITING: Final = 10_000
"""Exchanges that wait while they can't be written, at some 2 KB each. Of more, only the number is kept."""

_NO_WAL: Final = "its disk has no memory that processes share, so commands that read it may have to wait"

_HOUR: Final = 3600.0
_DAY: Final = 24 * _HOUR


class ResilientDatabase:
    """The file, opened when it is needed. Of one thread; no method raises.

    `say` takes what the user should know. Exchanges are kept for `days`; 0: for ever.
    """

    def __init__(
        self, path: Path, say: Callable[[str, Level], object], days: int, now: Callable[[], float] = time.time
    ) -> None:
        self._path = path
        self._say = say
        self._days = days
        self._now = now
        self._database: Database | None = None
        self._opened_before = False
        self._waiting: list[Account] = []
        self._lost = 0
        self._next_prune = 0.0
        self._put_aside_at = -_HOUR
        self.problem = ""
        """Why nothing can be written, in a sentence; empty if it can."""

    @property
    def waiting(self) -> int:
        """How many exchanges are not written yet."""
        return len(self._waiting)

    def write(self, accounts: Sequence[Account], refused: int = 0) -> None:
        """Write these exchanges, and those that wait. `refused`: how many more there were, which are lost."""
        room = MAX_WAITING - len(self._waiting)
        self._waiting += accounts[:room]
        self._lost += refused + len(accounts[room:])
        try:
            self._write_waiting()
        except DatabaseError as error:
            self._fail(error)
        except Exception as defect:  # noqa: BLE001 - what could not be written would fail again, and stop all others
            self._lost += len(self._waiting)
            self._waiting = []
            self._say(f"{self._path} could not be written ({type(defect).__name__})", "error")
        else:
            self._recover()

    def prune(self) -> float:
        """Remove some of the rows that are too old, if it is time to; return in how many seconds it is, again."""
        now = self._now()
        if self._days and self._database and not 0 < self._next_prune - now <= _DAY:  # a clock may be set back
            try:
                if self._database.prune(now - self._days * _DAY):
                    return 0.0
            except DatabaseError as error:
                self._fail(error)
            self._next_prune = now + _DAY
        return max(0.0, min(_DAY, self._next_prune - now)) if self._days else _DAY

    def close(self) -> None:
        """Close the file, and say what could not be written."""
        self._close_file()
        if lost := self._lost + len(self._waiting):
            self._say(f"{self._path}: {_missing(lost)}", "warning")

    def _write_waiting(self) -> None:
        try:
            self._add()
        except LostError:
            self._close_file()
            self._add()
        except DamagedError as error:
            self._begin_anew(error)
            self._add()
        self._waiting = []

    def _add(self) -> None:
        if self._database is None:
            self._database = Database(self._path, after_crash=not self._opened_before)
            if not self._database.has_wal and not self._opened_before:
                self._say(f"{self._path}: {_NO_WAL}", "info")
            self._opened_before = True
        if self._waiting:
            self._database.add(self._waiting)

    def _begin_anew(self, error: DamagedError) -> None:
        """Put a damaged file aside; once an hour, lest a failing disk fills up with them. Raises `DatabaseError`."""
        self._close_file()
        now = time.monotonic()
        if now - self._put_aside_at < _HOUR:
            raise error
        with translated(self._path):
            aside = put_aside(self._path, self._now())
        self._put_aside_at = now
        self._say(f"{self._path} is damaged ({error}). It is now {aside.name}, and usage is counted anew.", "error")

    def _close_file(self) -> None:
        if self._database:
            self._database.close()
            self._database = None

    def _fail(self, error: DatabaseError) -> None:
        remedy = f". {error.remedy}" if error.remedy else ""
        problem = f"{self._path} cannot be written ({error}): requests wait to be counted{remedy}"
        if not self.problem:
            self._say(problem, "warning")
        self.problem = problem

    def _recover(self) -> None:
        if self.problem or self._lost:
            missing = f"; {_missing(self._lost)}" if self._lost else ""
            self._say(f"{self._path} is written again{missing}", "warning" if self._lost else "info")
        self.problem, self._lost = "", 0


def _missing(count: int) -> str:
    return "1 request is missing in it" if count == 1 else f"{count} requests are missing in it"
