"""The thread that writes state/usage.db. Nothing of it runs on the event loop but a `put` into a queue.

What is recorded is in the file half a second later; a process that is killed loses no more than that.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from claude_proxy.core.types import Account
from claude_proxy.proxy.ports import Journal, Level

if TYPE_CHECKING:
    from claude_proxy.store.usage_db.resilient import ResilientDatabase

BATCH_SECONDS: Final = 0.4
"""From one batch to the next: with the writing itself, nothing waits for much longer than half a second."""

LULL_SECONDS: Final = 0.05
"""At least, before a batch: the last bytes of the answer that is recorded leave first."""

RETRY_SECONDS: Final = 5.0
"""After a failure, until the file is tried again."""

PRUNE_PAUSE: Final = 0.05
"""Between two steps of removing old rows, in seconds."""

MAX_QUEUED: Final = 10_000
"""Exchanges that wait to be taken by the thread: many more than come while it writes. Of more, only the number is
kept."""

CLOSE_SECONDS: Final = 5.0
"""The longest that a stop waits for what is not written yet."""


class UsageLedger:
    """A `Journal` in front of another: it passes everything on, and keeps each account in the database.

    `note` takes what the thread has to say, from that thread. Exchanges are kept for `days`; 0: for ever.
    """

    def __init__(self, path: Path, journal: Journal, note: Callable[[str, Level], object], *, days: int) -> None:
        self._path = path
        self._journal = journal
        self._note = note
        self._days = days
        self._queue = queue.SimpleQueue[Account | None]()
        self._refused = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="usage", daemon=True)
        self._opened: Callable[[], object] | None = None
        self._database: ResilientDatabase | None = None
        self._next_at = 0.0

    def record(self, account: Account) -> None:
        self._journal.record(account)
        if self._queue.qsize() < MAX_QUEUED:
            self._queue.put(account)
        else:
            self._refused += 1

    def note(self, text: str, level: Level = "info") -> None:
        self._journal.note(text, level)

    @property
    def backlog(self) -> int:
        """How many exchanges are not written yet."""
        return self._queue.qsize() + (self._database.waiting if self._database else 0)

    @property
    def problem(self) -> str:
        """Why nothing can be written, in a sentence; empty if it can."""
        return self._database.problem if self._database else ""

    def start(self, opened: Callable[[], object] = lambda: None) -> None:
        """Begin to write; the file is opened, and made if it is not there.

        `opened` is called once, from the thread, when the file is open and up to date.
        """
        self._opened = opened
        self._thread.start()

    def close(self, timeout: float = CLOSE_SECONDS) -> None:
        """Write what is recorded, and stop; returns after `timeout` seconds at the latest. Not for the event loop."""
        self._stopping.set()
        self._queue.put(None)
        self._thread.join(timeout)

    def _run(self) -> None:
        from claude_proxy.store.usage_db.resilient import ResilientDatabase  # noqa: PLC0415 - 8 ms, which a start saves

        database = self._database = ResilientDatabase(self._path, self._say, self._days)
        refused = 0
        accounts = list[Account]()
        while True:
            was_refused, refused = refused, self._refused
            database.write(accounts, refused - was_refused)
            if self._stopping.is_set():
                break
            if self._opened and not database.problem:
                self._tell_opened(self._opened)
                self._opened = None
            until_prune = database.prune()
            accounts = self._next_batch(RETRY_SECONDS if database.problem else max(PRUNE_PAUSE, until_prune))
        database.write(self._taken())
        database.close()

    def _tell_opened(self, opened: Callable[[], object]) -> None:
        try:
            opened()
        except Exception as error:  # noqa: BLE001 - a defect there must not end this thread
            self._say(f"what was spent earlier cannot be read: {type(error).__name__}", "error")

    def _next_batch(self, patience: float) -> list[Account]:
        """Wait for an account, and for the time of the next batch; an empty batch if none comes."""
        try:
            first = self._queue.get(timeout=patience)
        except queue.Empty:
            return []
        self._stopping.wait(max(LULL_SECONDS, self._next_at - time.monotonic()))
        self._next_at = time.monotonic() + BATCH_SECONDS
        return [first, *self._taken()] if first else self._taken()

    def _taken(self) -> list[Account]:
        """Take all that is in the queue."""
        accounts = list[Account]()
        with contextlib.suppress(queue.Empty):
            while True:
                if account := self._queue.get_nowait():
                    accounts.append(account)
        return accounts

    def _say(self, text: str, level: Level) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._note(text, level)
