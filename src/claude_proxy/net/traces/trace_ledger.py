"""The thread that makes traces. Nothing of it runs on the event loop but a `put` into a queue."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from claude_proxy.core.text import PROGRAM, with_program
from claude_proxy.core.types import Account
from claude_proxy.proxy.ports import Journal, Level

if TYPE_CHECKING:
    from claude_proxy.net.traces.tracer import Traces

MAX_QUEUED: Final = 2048
"""Requests that wait for their spans, which take some 0.2 ms each. More have no trace."""

CLOSE_SECONDS: Final = 3.0
"""The longest that a stop waits for what is not sent yet."""

NOT_INSTALLED: Final = (
    "config.json: otel is true, but what sends traces is not installed. Run `make otel` in a clone, or else "
    "pip install 'claude-proxy[otel]'. Then run `claude-proxy restart`."
)


class TraceLedger:
    """A `Journal` in front of another: it passes everything on, and makes a trace of each account.

    `note` takes what the thread has to say, from that thread. `program` is how the user calls this program.
    """

    def __init__(self, journal: Journal, note: Callable[[str, Level], object], program: str = PROGRAM) -> None:
        self._journal = journal
        self._note = note
        self._program = program
        self._queue = queue.SimpleQueue[Account | None]()
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)
        self.problems: tuple[str, ...] = ()
        """Why no traces are made, in a sentence; empty if they are."""

    def record(self, account: Account) -> None:
        self._journal.record(account)
        if self._queue.qsize() < MAX_QUEUED:
            self._queue.put(account)

    def note(self, text: str, level: Level = "info") -> None:
        self._journal.note(text, level)

    def start(self) -> None:
        """Begin to make traces."""
        self._thread.start()

    def close(self, timeout: float = CLOSE_SECONDS) -> None:
        """Send what is recorded, and stop; returns after `timeout` seconds at the latest. Not for the event loop."""
        self._queue.put(None)
        self._thread.join(timeout)

    def _run(self) -> None:
        try:
            # 0.3 s and some 10 MB, which only those who want traces pay for
            from claude_proxy.net.traces.tracer import Traces  # noqa: PLC0415

            traces = Traces(self._say)
        except ImportError:
            self._give_up(with_program(NOT_INSTALLED, self._program))
        except Exception as error:  # noqa: BLE001 - whatever the SDK says to a variable that it does not take
            self._give_up(f"otel: no traces are sent, since an OTEL_ variable is wrong: {type(error).__name__}")
        else:
            while account := self._queue.get():
                self._add(traces, account)
            traces.close()

    def _add(self, traces: Traces, account: Account) -> None:
        try:
            traces.add(account)
        except Exception as error:  # noqa: BLE001 - a defect costs one trace
            self._say(f"a request has no trace: {type(error).__name__}", "error")

    def _give_up(self, problem: str) -> None:
        self.problems = (problem,)
        self._say(problem, "error")
        while self._queue.get():
            pass  # nobody else would take them

    def _say(self, text: str, level: Level) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._note(text, level)
