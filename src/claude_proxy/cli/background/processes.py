"""Processes, asked about and ended by their id."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

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
        """Whether the process runs; one that has ended but was not collected by its parent (a zombie) does not."""
        try:
            os.kill(pid, 0)
        except PermissionError:
            return True
        except (ProcessLookupError, OverflowError):
            return False
        return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """On Linux only, where it matters most: a container often has nothing that collects orphans."""
    try:
        facts = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return facts.rpartition(b")")[2].split()[:1] == [b"Z"]  # the name before it, in parentheses, may hold anything


def kill(pid: int) -> None:
    """End the process at once, without asking it. Raises `OSError` where that is not allowed."""
    if sys.platform == "win32":
        os.kill(pid, signal.SIGTERM)  # ends it the hard way there
    else:
        os.kill(pid, signal.SIGKILL)
