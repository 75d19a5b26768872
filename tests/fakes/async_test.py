"""Async stories told as plain tests, on the event loop that the proxy itself uses.

With CLAUDE_PROXY_TEST_LOOP=asyncio they run on Python's own loop, which is the one that Windows has.
"""

from __future__ import annotations

import asyncio
import functools
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

P = ParamSpec("P")


def async_test(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a test in an event loop of its own."""

    @functools.wraps(test)
    def run(*arguments: P.args, **named: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(test(*arguments, **named))

    return run


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32" or os.environ.get("CLAUDE_PROXY_TEST_LOOP") == "asyncio":
        return None
    import uvloop  # noqa: PLC0415 - not for Windows

    return uvloop.new_event_loop


async def run_ready_callbacks(turns: int = 3000) -> None:
    """Let everything happen that can happen without time going by."""
    for _ in range(turns):
        await asyncio.sleep(0)
