"""The process of `claude-proxy serve`: its event loop, its signals, and the file that says where it runs."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from claude_proxy import __version__
from claude_proxy.app.file_warnings import FileWarnings
from claude_proxy.app.process_privacy import forbid_core_dumps
from claude_proxy.app.proxy import Proxy
from claude_proxy.app.running_file import RunningFile
from claude_proxy.config.load import Config
from claude_proxy.core.metrics_state import LedgerState
from claude_proxy.net.guard import TokenSources
from claude_proxy.net.listener import raise_descriptor_limit
from claude_proxy.net.traces.trace_ledger import TraceLedger
from claude_proxy.proxy.ports import Journal, Level
from claude_proxy.store.home import Home
from claude_proxy.store.log import LogLedger
from claude_proxy.store.running import Running
from claude_proxy.store.token import installation_token
from claude_proxy.store.usage_db.writer import UsageLedger

if TYPE_CHECKING:
    from claude_proxy.store.usage_db.earlier import EarlierSpending


class ListenError(OSError):
    """The proxy cannot listen at its address: another program has the port, for example."""


def serve(
    home: Home,
    config: Config,
    ready: Callable[[Proxy], None] = lambda _: None,
    draining: Callable[[int], None] = lambda _: None,
    *,
    program: str = "claude-proxy",
    token_sources: TokenSources = lambda _: (),
) -> int:
    """Run the proxy until it is stopped: the whole of `claude-proxy serve`. Returns the exit code.

    `ready` is called once it listens, `draining` if a signal makes it wait for that many requests. `program` is
    how its user calls this program, `token_sources` says which settings of a client hold a token. Raises
    `ListenError`, and another `OSError` if the token can't be read or made.
    """
    forbid_core_dumps()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_serve(home, config, ready, draining, program, token_sources))


async def _serve(
    home: Home,
    config: Config,
    ready: Callable[[Proxy], None],
    draining: Callable[[int], None],
    program: str,
    token_sources: TokenSources,
) -> int:
    loop = asyncio.get_running_loop()
    log = LogLedger(home.log, level=config.log_level)

    def say(text: str, level: Level) -> None:
        loop.call_soon_threadsafe(log.note, text, level)

    ledger = UsageLedger(home.usage, log, say, days=config.usage_days)
    traces = _traces(config, ledger, say, program)
    warnings = FileWarnings(home, log, ledger)
    loop.set_exception_handler(lambda _, context: ledger.note(_defect(context), "error"))
    token = installation_token(home)
    proxy = Proxy(
        config,
        token=token,
        ledger=traces or ledger,
        home=home,
        program=program,
        warnings=lambda: (*warnings.now(), *(traces.problems if traces else ())),
        token_sources=token_sources,
        written=lambda: LedgerState(ledger.backlog, ledger.problem),
    )
    try:
        await proxy.start()
    except OSError as error:
        raise ListenError(error.errno, error.strerror) from error
    running = Running(
        pid=os.getpid(),
        host=config.host,
        port=proxy.port,
        instance=proxy.instance,
        started_at=time.time(),
        version=__version__,
    )
    running_file = RunningFile(home, running, warnings)
    running_file.start()
    ledger.start(lambda: _count_earlier(home, proxy, loop))
    if traces:
        traces.start()
    for text in warnings.now():
        ledger.note(text, "warning")
    ledger.note(f"started: version {__version__}, {config.host}:{proxy.port}, pid {running.pid}")
    _stop_on_signals(proxy, draining)
    raise_descriptor_limit()
    gc.collect()
    gc.freeze()  # what start-up made stays for good: the collector need not look at it again
    try:
        ready(proxy)
        await proxy.wait()
    finally:
        running_file.stop()
        await asyncio.gather(*(asyncio.to_thread(each.close) for each in (traces, ledger) if each))
        log.note("stopped")
        log.close()
    return 0


def _traces(config: Config, ledger: Journal, say: Callable[[str, Level], object], program: str) -> TraceLedger | None:
    """Return what makes traces, if the user wants them; it reads OpenTelemetry's variables from the environment."""
    if config.otel is None:
        return None
    os.environ.update(config.otel)
    return TraceLedger(ledger, say, program)


def _count_earlier(home: Home, proxy: Proxy, loop: asyncio.AbstractEventLoop) -> None:
    """Let the proxy go on with the sums of what was spent before it began. Not for the event loop."""
    from claude_proxy.store.usage_db.earlier import earlier_spending  # noqa: PLC0415 - a start saves it

    if earlier := earlier_spending(home.usage, proxy.started_at):
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(_go_on_with, proxy, earlier)


def _go_on_with(proxy: Proxy, earlier: EarlierSpending) -> None:
    proxy.count_earlier(earlier.today, earlier.sessions)
    proxy.count_earlier_by_provider(earlier.day_of, earlier.month_of)


def _defect(context: dict[str, object]) -> str:
    """Return what asyncio reports, without an error's own text, which might hold content."""
    error = context.get("exception")
    return f"asyncio reports: {context.get('message')} ({type(error).__name__ if error else 'no error'})"


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes uvloop's loop, which halves the cost of a request; there is none for Windows."""
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415

    return uvloop.new_event_loop


def _stop_on_signals(proxy: Proxy, draining: Callable[[int], None]) -> None:
    """Drain at the first signal; at the second one, end the requests in flight as well."""
    loop = asyncio.get_running_loop()
    signalled = False

    def stop() -> None:
        nonlocal signalled
        in_flight = proxy.stop_soon(force=signalled)
        if in_flight and not signalled:
            draining(in_flight)
        signalled = True

    if sys.platform == "win32":
        for number in (signal.SIGINT, signal.SIGBREAK):
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))
    else:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop)
