"""Async tests written as functions: `@async_test` runs one on the event loop that the proxy itself uses.

With CLAUDE_PROXY_TEST_LOOP=asyncio that is Python's own loop, which is the one that Windows has.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeAlias

import pytest

P = ParamSpec("P")
LoopFactory: TypeAlias = Callable[[], asyncio.AbstractEventLoop]

LOOPS: dict[str, LoopFactory] = {"asyncio": asyncio.new_event_loop}
if sys.platform != "win32":
    import uvloop

    LOOPS["uvloop"] = uvloop.new_event_loop


def async_test(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a test on a loop of its own, of the proxy's kind."""
    return _run_on(LOOPS[os.environ.get("CLAUDE_PROXY_TEST_LOOP") or max(LOOPS)], test)


def on_python_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a test on Python's own loop, into which it looks."""
    return _run_on(LOOPS["asyncio"], test)


def on_both_loops(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a test twice, on Python's own loop and on uvloop. It must be below all of the test's other decorators."""

    @functools.wraps(test)
    def run(loop_factory: LoopFactory, *arguments: P.args, **named: P.kwargs) -> None:
        run_on(loop_factory, test(*arguments, **named))

    signature = inspect.signature(test)
    parameter = inspect.Parameter("loop_factory", inspect.Parameter.KEYWORD_ONLY)
    parameters = [*signature.parameters.values(), parameter]
    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    marked: Callable[P, None] = pytest.mark.parametrize("loop_factory", LOOPS.values(), ids=LOOPS.keys())(run)
    return marked


def run_on(loop_factory: LoopFactory, work: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(work)


def _run_on(loop_factory: LoopFactory, test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    @functools.wraps(test)
    def run(*arguments: P.args, **named: P.kwargs) -> None:
        run_on(loop_factory, test(*arguments, **named))

    return run


async def run_ready_callbacks(turns: int = 3000) -> None:
    """Let everything happen that can happen without time going by."""
    for _ in range(turns):
        await asyncio.sleep(0)
