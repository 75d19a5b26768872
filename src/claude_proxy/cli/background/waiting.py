"""Waiting for something that nobody announces, such as another process's end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")

POLL_SECONDS = 0.02


def until(look: Callable[[], _T | None], timeout: float | None = None, *, every: float = POLL_SECONDS) -> _T | None:
    """Call `look` until it returns something, and return that; None after `timeout` seconds (None: no limit)."""
    deadline = None if timeout is None else time.monotonic() + timeout
    while (seen := look()) is None:
        if deadline is not None and time.monotonic() >= deadline:
            return None
        time.sleep(every)  # noqa: TID251 - a command of its own process: no stream waits for it
    return seen
