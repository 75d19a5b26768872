"""How long a program takes from its start until it answers."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

from bench.targets import Target

STARTS: Final = 7


async def measure(started: Callable[[], AbstractAsyncContextManager[Target]]) -> float:
    """Return the median of several starts, in seconds; a first one fills the caches and does not count."""
    times = []
    for _ in range(STARTS + 1):
        began = time.perf_counter()
        async with started():
            times.append(time.perf_counter() - began)
    return statistics.median(times[1:])
