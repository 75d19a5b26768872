"""The thread that writes state/usage.db. Nothing of it runs on the event loop but a `put` into a queue.

What is recorded is in the file half a second later; a process that is killed loses no more than that. The file failing
(a full disk, a lock, damage) costs no answer: what can't be written waits, up to a limit, and is written later.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from claude_proxy.core.types import Account
from claude_proxy.proxy.ports import Journal, Level

if TYPE_CHECKING:
    from claude_proxy.store.usage_db.database import Database

BATCH_SECONDS: Final = 0.4
"""How long the first of a batch waits for others: with the writing itself, less than half a second."""

RETRY_SECONDS: Final = 5.0
"""After a failure, until the file is tried again."""

MAX_WAITING: Final = 10_000
"""Exchanges that wait to be written while that fails, at some 2 KB each. Of more, only the number is kept."""

CLOSE_SECONDS: Final = 5.0
"""The longest that a stop waits for what is not written yet."""


class UsageLedger:
    """A `Journal` in front of another: it passes everything on, and keeps each account in the database.

    `note` takes what the thread has to say, from that thread.
    """

    def __init__(self, path: Path, journal: Journal, note: Callable[[str, Level], object]) -> None:
        self._path = path
        self._journal = journal
        self._note = note
        self._queue = queue.SimpleQueue[Account | None]()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="usage", daemon=True)
        self._database: Database | None = None
        self._waiting: list[Account] = []
        self._lost = 0
        self.problem = ""
        """Why nothing can be written, in a sentence; empty if it can."""

    def record(self, account: Account) -> None:
        self._journal.record(account)
        if self._queue.qsize() < MAX_WAITING:
            self._queue.put(account)
        else:
            self._lost += 1

    def note(self, text: str, level: Level = "info") -> None:
        self._journal.note(text, level)

    @property
    def backlog(self) -> int:
        """How many exchanges are not written yet."""
        return self._queue.qsize() + len(self._waiting)

    def start(self) -> None:
        """Begin to write; the file is opened, and made if it is not there."""
        self._thread.start()

    def close(self, timeout: float = CLOSE_SECONDS) -> None:
        """Write what is recorded, and stop; returns after `timeout` seconds at the latest. Not for the event loop."""
        self._stopping.set()
        self._queue.put(None)
        self._thread.join(timeout)

    def _run(self) -> None:
        self._write()
        while not self._stopping.is_set():
            with contextlib.suppress(queue.Empty):
                first = self._queue.get(timeout=RETRY_SECONDS if self.problem else None)
                self._stopping.wait(BATCH_SECONDS)
                self._take(first)
            self._write()
        self._take(None)
        self._write()
        if self._database:
            self._database.close()

    def _take(self, first: Account | None) -> None:
        """Take all that is in the queue."""
        taken = [first] if first else []
        with contextlib.suppress(queue.Empty):
            while True:
                if account := self._queue.get_nowait():
                    taken.append(account)
        room = MAX_WAITING - len(self._waiting)
        self._waiting += taken[:room]
        self._lost += len(taken[room:])

    def _write(self) -> None:
        from claude_proxy.store.usage_db.database import Database, DatabaseError  # noqa: PLC0415 - not on the loop

        try:
            self._database = self._database or Database(self._path)
            if self._waiting:
                self._database.add(self._waiting)
        except DatabaseError as error:
            self._fail(str(error))
        else:
            self._waiting = []
            self._recover()

    def _fail(self, reason: str) -> None:
        problem = f"{self._path.name} cannot be written ({reason}); requests are not counted"
        if not self.problem:
            self._say(problem, "warning")
        self.problem = problem

    def _recover(self) -> None:
        if not self.problem:
            return
        self.problem = ""
        lost, self._lost = self._lost, 0
        missing = f"; {lost} requests are missing in it" if lost else ""
        self._say(f"{self._path.name} is written again{missing}", "info")

    def _say(self, text: str, level: Level) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._note(text, level)
