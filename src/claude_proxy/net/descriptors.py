"""How many descriptors this process may have open: each client and each provider at work takes one."""

from __future__ import annotations

import sys
from typing import Final

WANTED: Final = 65_536
"""Enough for tens of thousands of streams. More makes programs that close all they might have slow to start."""

GRANTED_BY_MACOS: Final = 10_240
"""What macOS accepts where it claims to have no limit (OPEN_MAX)."""


def raise_descriptor_limit() -> None:
    """Raise the limit on open files as far as this user may; many systems begin with 256 or 1024. Never fails."""
    if sys.platform == "win32":
        return  # sockets are not counted there
    import resource  # noqa: PLC0415 - not for Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (WANTED, GRANTED_BY_MACOS):
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        if soft == resource.RLIM_INFINITY or limit <= soft:
            return
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        except (OSError, ValueError):
            continue
        return
