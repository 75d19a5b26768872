"""Other processes: whether one runs, waiting for what it does, ending it by its id."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

_T = TypeVar("_T")

POLL_SECONDS = 0.02

if sys.platform == "win32":
    import ctypes

    _SYNCHRONIZE = 0x0010_0000
    _WAIT_TIMEOUT = 0x102

    def alive(pid: int) -> bool:
        """Whether the process runs; on Windows `os.kill(pid, 0)` would send it a Ctrl-C."""
        kernel = ctypes.windll.kernel32
        handle = kernel.OpenProcess(_SYNCHRONIZE, False, pid)
        if not handle:
            return False
        try:
            return bool(kernel.WaitForSingleObject(handle, 0) == _WAIT_TIMEOUT)
        finally:
            kernel.CloseHandle(handle)
else:

    def alive(pid: int) -> bool:
        """Whether the process runs; one that ended but that its parent did not collect (a zombie) does not."""
        try:
            os.kill(pid, 0)
        except PermissionError:
            return True
        except (ProcessLookupError, OverflowError):
            return False
        return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """On Linux only, which needs it most: a container often has nothing that collects orphans."""
    try:
        facts = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return facts.rpartition(b")")[2].split()[:1] == [b"Z"]  # the name before it, in parentheses, may hold anything


def kill(pid: int) -> None:
    """End the process at once, without asking it. Raises `OSError` if that is not allowed."""
    if sys.platform == "win32":
        os.kill(pid, signal.SIGTERM)  # which cannot be caught there
    else:
        os.kill(pid, signal.SIGKILL)


def until(poll: Callable[[], _T | None], timeout: float | None = None, *, every: float = POLL_SECONDS) -> _T | None:
    """Call `poll` until it returns something, and return that; None after `timeout` seconds (None: no limit)."""
    deadline = None if timeout is None else time.monotonic() + timeout
    while (result := poll()) is None:
        if deadline is not None and time.monotonic() >= deadline:
            return None
        time.sleep(every)  # noqa: TID251 - a command of its own process: no stream waits for it
    return result
