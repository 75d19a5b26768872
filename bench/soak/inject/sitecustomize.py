"""Lets a process say what it holds: Python loads this file at its start if its folder is on the path.

The proxy itself has no such door. On SIGUSR1 the process writes its counts, as JSON, to the file that `SOAK_COUNTS`
names; on SIGUSR2 it collects its garbage before that.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

VARIABLE = "SOAK_COUNTS"
PACKAGES = ("claude_proxy.", "uvicorn.")


def _tell(number: int, _: FrameType | None) -> None:
    import asyncio  # noqa: PLC0415 - commands need none of these, and start without them
    import gc  # noqa: PLC0415
    import json  # noqa: PLC0415
    import threading  # noqa: PLC0415
    from collections import Counter  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    if number == signal.SIGUSR2:
        gc.collect()
    loop = asyncio.get_running_loop()
    types = Counter(f"{type(held).__module__}.{type(held).__qualname__}" for held in gc.get_objects())
    counts = {
        "tasks": len(asyncio.all_tasks(loop)),
        "threads": threading.active_count(),
        "objects": {name: count for name, count in types.items() if name.startswith(PACKAGES)},
    }
    path = Path(os.environ[VARIABLE])
    path.with_suffix(".new").write_text(json.dumps(counts), encoding="utf-8")
    path.with_suffix(".new").rename(path)


if VARIABLE in os.environ and hasattr(signal, "SIGUSR1"):
    signal.signal(signal.SIGUSR1, _tell)
    signal.signal(signal.SIGUSR2, _tell)
