"""Starts programs for events: in a thread of its own, one at a time, and never longer than a few seconds.

No shell is involved: what an event says goes to standard input, or is an argument of its own. What a program writes is
dropped.
"""

from __future__ import annotations

import contextlib
import errno
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

MAX_SECONDS: Final = 10.0
"""For one program, before it is ended with all that it has started."""

MAX_WAITING: Final = 32
"""Programs that wait for their turn; of more, the newest are dropped."""

STOP_SECONDS: Final = 1.0
"""The longest that a stop waits for a program; then it is ended."""

_GONE: Final = 5.0
"""Seconds for the system to end a program that was told to end."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """A program, its arguments, and what it gets on standard input."""

    arguments: tuple[str, ...]
    line: bytes = field(repr=False)


class Runner:
    """Runs programs for one setting, `what`, which messages name. `note` takes them, from another thread."""

    def __init__(
        self,
        what: str,
        note: Callable[[str], object],
        environ: Mapping[str, str],
        folder: Path,
        *,
        max_seconds: float = MAX_SECONDS,
    ) -> None:
        self._what = what
        self._note = note
        self.environ = environ
        self._folder = folder
        self._max_seconds = max_seconds
        self._queue = queue.Queue[Invocation | None](MAX_WAITING)
        self._thread = threading.Thread(target=self._run, name=what, daemon=True)
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = False
        self._problem = ""

    def start(self) -> None:
        self._thread.start()

    def put(self, invocation: Invocation) -> None:
        """Run a program when it is its turn."""
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(invocation)

    def close(self, timeout: float = STOP_SECONDS) -> None:
        """Run nothing more, and end what runs after `timeout` seconds. Not for the event loop."""
        self._stopping = True
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(None)
        self._thread.join(timeout)
        if self._thread.is_alive() and (process := self._process):
            end(process)
            self._thread.join(_GONE)

    def _run(self) -> None:
        while invocation := self._queue.get():
            if self._stopping:
                return
            self._tell(self._problem_of(invocation))

    def _tell(self, problem: str) -> None:
        if problem and not self._problem and not self._stopping:
            self._note(f"{self._what}: {problem}. This is said once, until it works again.")
        self._problem = problem

    def _problem_of(self, invocation: Invocation) -> str:
        """Run a program to its end, and return what went wrong; empty if nothing did."""
        name = Path(invocation.arguments[0]).name
        try:
            process = self._process = _started(invocation, self.environ, self._folder)
        except (OSError, ValueError) as error:
            return f"{name} cannot be started ({getattr(error, 'strerror', None) or type(error).__name__})"
        try:
            process.communicate(invocation.line, timeout=self._max_seconds)
        except subprocess.TimeoutExpired:
            end(process)
            return f"{name} did not end within {self._max_seconds:g} s and was ended"
        finally:
            self._process = None
        return f"{name} ended with the exit code {process.returncode}" if process.returncode else ""


def _started(invocation: Invocation, environ: Mapping[str, str], folder: Path) -> subprocess.Popen[bytes]:
    program, *arguments = invocation.arguments
    return subprocess.Popen(  # noqa: S603 - the user's own program, and no shell
        [_whole_path(program, environ), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env=dict(environ),
        start_new_session=True,
        creationflags=_creation_flags(),
    )


def _creation_flags() -> int:
    if sys.platform == "win32":
        return subprocess.CREATE_NO_WINDOW
    return 0


def _whole_path(program: str, environ: Mapping[str, str]) -> str:
    """Return the path of a program, so that none is looked for in the folder that it is to run in."""
    expanded = os.path.expanduser(program)  # noqa: PTH111 - a path or a name
    found = shutil.which(expanded, path=environ.get("PATH", ""))
    if found is None or not Path(found).is_absolute():
        raise FileNotFoundError(errno.ENOENT, "there is no such program", expanded)
    return found


def end(process: subprocess.Popen[bytes]) -> None:
    """End a program that has not ended yet, and all that it has started."""
    if sys.platform == "win32":
        taskkill = Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "taskkill.exe")
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(  # noqa: S603 - the system's own program, and a number
                [taskkill, "/T", "/F", "/PID", str(process.pid)],
                check=False,
                capture_output=True,
                timeout=_GONE,
                creationflags=subprocess.CREATE_NO_WINDOW,
            )
        process.kill()
    else:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)  # its own session, so its own group
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GONE)
