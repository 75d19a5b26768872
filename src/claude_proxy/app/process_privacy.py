"""Keeps what is in the process's memory, the providers' keys, out of core dumps."""

from __future__ import annotations

import contextlib
import sys
from typing import Final

_PR_SET_DUMPABLE: Final = 4
"""Of Linux's linux/prctl.h."""


def forbid_core_dumps() -> None:
    """Let the system write no core dump of this process, whatever it dies of; where it cannot, nothing happens.

    The limit alone does not hold for a program that the system passes a core dump to, such as a crash reporter: on
    Linux a process that is not dumpable is given to none, and its memory cannot be read by other processes of its user.
    """
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - not on Windows

    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        _forbid_dumps()


def _forbid_dumps() -> None:
    with contextlib.suppress(ImportError, OSError, AttributeError):  # a Python without ctypes, a system without prctl
        import ctypes  # noqa: PLC0415 - on Linux only

        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
