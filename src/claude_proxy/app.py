"""The composition root: builds the proxy from its parts, starts it, keeps its configuration fresh, stops it."""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable
from typing import Final

from claude_proxy import __version__
from claude_proxy.config.load import Config, ConfigError, fingerprint, load
from claude_proxy.core.health import Health
from claude_proxy.core.selection import Selector
from claude_proxy.core.types import Provider
from claude_proxy.net.descriptors import raise_descriptor_limit
from claude_proxy.net.guard import Guard
from claude_proxy.net.listener import Listener
from claude_proxy.net.server import Server
from claude_proxy.net.services import services
from claude_proxy.net.upstream import HttpTransport
from claude_proxy.net.upstream.tls import system_trust
from claude_proxy.proxy.gateway import Gateway, Memory
from claude_proxy.proxy.ports import Clock, Journal
from claude_proxy.proxy.status_tracker import StatusTracker
from claude_proxy.store.home import Home
from claude_proxy.store.log import LogLedger
from claude_proxy.store.running import Running
from claude_proxy.store.state_file import StateFile
from claude_proxy.store.token import installation_token

LOOK_INTERVAL: Final = 1.0
"""Seconds between two looks at the configuration's files."""


class SystemClock:
    """The machine's own time: `ports.Clock`."""

    def wall(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


class Proxy:
    """One running proxy. With a `home`, changes of its configuration are taken up while it runs."""

    def __init__(
        self, config: Config, *, token: str, ledger: Journal, home: Home | None, clock: Clock | None = None
    ) -> None:
        self._config = config
        self._clock = clock or SystemClock()
        self._board = StatusTracker(ledger, self._clock)
        self._home = home
        self._seen = fingerprint(home.root) if home else None
        self._problems: tuple[str, ...] = ()
        self._started_at = self._clock.wall()
        self._draining = False
        self._stopped = asyncio.Event()
        self._ending: asyncio.Task[None] | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._transports: list[HttpTransport] = []
        self._memory = Memory()
        self._keeper = StateFile(home.memory, self._memory, self._board) if home else None
        if self._keeper:
            self._keeper.recall(self._started_at)
        self._gateway = self._opened(config, None)
        self.instance = secrets.token_hex(8)
        self.port = config.port
        health = {"status": "ok", "service": "claude-proxy", "version": __version__, "instance": self.instance}
        self._server = Server(
            Guard(config.host, token),
            lambda: self._gateway,
            services(lambda: self._gateway, self, health),
            self._board,
        )
        self._listener = Listener(self._server)

    async def start(self) -> None:
        """Listen; ready on return. Raises `OSError` where the port is taken."""
        if any(provider.origin.scheme == "https" for provider in self._config.providers):
            system_trust()  # reading the certificates stops the loop for some 30 ms: now rather than in a first request
        self.port = await self._listener.start(self._config.host, self._config.port)
        if self._home:
            self._watch = asyncio.get_running_loop().call_later(LOOK_INTERVAL, self._look)

    async def wait(self) -> None:
        """Wait until the proxy has stopped."""
        await self._stopped.wait()

    async def stop(self, *, force: bool = False) -> None:
        """Take no more connections, wait for the requests in flight (or, by force, end them), and stop."""
        self._draining = True
        if self._watch:
            self._watch.cancel()
        self._listener.close()
        if force:
            for task in self._server.in_flight:
                task.cancel()
        await self._listener.wait_closed()
        for transport in self._transports:
            await transport.aclose()
        if self._keeper:
            await self._keeper.close(self._clock.wall())
        self._stopped.set()

    def stop_soon(self, *, force: bool) -> int:
        """Begin to stop, behind the answer that is being written; return how many requests are in flight."""
        asyncio.get_running_loop().call_soon(self._begin_to_stop, force)
        return len(self._server.in_flight)

    def _begin_to_stop(self, force: bool) -> None:
        self._ending = asyncio.get_running_loop().create_task(self.stop(force=force))

    def status(self) -> dict[str, object]:
        """Return what `status` shows, fit for JSON: no secret in it."""
        now = self._clock.wall()
        return {
            "version": __version__,
            "instance": self.instance,
            "pid": os.getpid(),
            "started_at": self._started_at,
            "host": self._config.host,
            "port": self.port,
            "in_flight": len(self._server.in_flight),
            "draining": self._draining,
            "providers": [self._board.provider(provider, now) for provider in self._gateway.providers],
            "skipped": [{"name": one.name, "variable": one.variable} for one in self._config.skipped],
            "last_answer": self._board.last_answer,
            "sessions": self._board.sessions,
            "config_problems": self._problems,
            "warnings": self._config.warnings,
        }

    def _look(self) -> None:
        """Take up a configuration that has changed; one that is broken changes nothing but the status."""
        self._watch = asyncio.get_running_loop().call_later(LOOK_INTERVAL, self._look)
        if self._keeper:
            self._keeper.look(self._clock.wall())
        if self._home is None or (seen := fingerprint(self._home.root)) == self._seen:
            return
        self._seen = seen
        try:
            config = load(self._home.root, os.environ)
        except ConfigError as error:
            self._problems = tuple(map(str, error.problems))
            told = "the changed configuration cannot be used, the old one stays: " + " ".join(self._problems)
            self._board.note(told, "error")
            return
        self._problems = ()
        if _fixed_at_start(config) != _fixed_at_start(self._config):
            self._board.note("host, proxy_port and log_level change with the next start", "warning")
        self._gateway = self._opened(config, self._gateway)
        self._config = config
        self._board.note(f"configuration taken up: {', '.join(provider.name for provider in config.providers)}")

    def _opened(self, config: Config, before: Gateway | None) -> Gateway:
        """Return the gateway of a configuration; providers that are the same as before keep their health."""
        if before is None or config.egress != self._config.egress:
            self._transports.append(HttpTransport(config.egress))
        healths = {provider.name: self._health(provider, config, before) for provider in config.providers}
        self._board.healths = healths
        self._board.variables = {provider.name: provider.api_key_env for provider in config.providers}
        return Gateway(
            providers=config.providers,
            healths=healths,
            selector=self._chooser(config),
            policy=config.policy,
            transport=self._transports[-1],
            clock=self._clock,
            ledger=self._board,
            memory=self._memory,
        )

    def _chooser(self, config: Config) -> Selector:
        return Selector(
            config.providers,
            {skipped.name: skipped.variable for skipped in config.skipped},
            config.routes,
            config.policy.failback,
            self._memory.tokens,
            self._memory.sessions,
            self._memory.learned_rules,
        )

    def _health(self, provider: Provider, config: Config, before: Gateway | None) -> Health:
        old = next((one for one in before.providers if one.name == provider.name), None) if before else None
        if before and old and (old.base_url, old.api_key) == (provider.base_url, provider.api_key):
            health = before.healths[provider.name]
            health.cooldown = config.policy.cooldown
            return health
        self._board.forget(provider.name)
        return Health(provider.name, config.policy.cooldown)


def _fixed_at_start(config: Config) -> tuple[str, int, str]:
    return config.host, config.port, config.log_level


class ListenError(OSError):
    """The address cannot be listened at: it is taken, for example."""


def serve(
    home: Home,
    config: Config,
    ready: Callable[[Proxy], None] = lambda _: None,
    draining: Callable[[int], None] = lambda _: None,
) -> int:
    """Run the proxy until it is told to stop: the whole of `claude-proxy serve`. Returns the exit code.

    `ready` is called once it listens, `draining` where a signal makes it wait for that many requests. Raises
    `ListenError`, and another `OSError` where the home's files cannot be written.
    """
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_serve(home, config, ready, draining))


async def _serve(home: Home, config: Config, ready: Callable[[Proxy], None], draining: Callable[[int], None]) -> int:
    ledger = LogLedger(home.log, level=config.log_level)
    asyncio.get_running_loop().set_exception_handler(lambda _, context: ledger.note(_defect(context), "error"))
    proxy = Proxy(config, token=installation_token(home), ledger=ledger, home=home)
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
    running.write(home.running)
    ledger.note(f"started: version {__version__}, {config.host}:{proxy.port}, pid {running.pid}")
    _stop_on_signals(proxy, draining)
    raise_descriptor_limit()
    gc.collect()
    gc.freeze()  # what start-up made stays for good: the collector need not look at it again
    try:
        ready(proxy)
        await proxy.wait()
    finally:
        running.remove(home.running)
        ledger.note("stopped")
        ledger.close()
    return 0


def _defect(context: dict[str, object]) -> str:
    """Say what asyncio reports, without an error's own text, which might hold content."""
    error = context.get("exception")
    return f"asyncio reports: {context.get('message')} ({type(error).__name__ if error else 'no error'})"


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes uvloop's loop, at which a request costs half; it does not exist for Windows."""
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415

    return uvloop.new_event_loop


def _stop_on_signals(proxy: Proxy, draining: Callable[[int], None]) -> None:
    """The first signal drains, a second one ends the requests in flight as well."""
    loop = asyncio.get_running_loop()
    told = False

    def stop() -> None:
        nonlocal told
        in_flight = proxy.stop_soon(force=told)
        if in_flight and not told:
            draining(in_flight)
        told = True

    if sys.platform == "win32":
        for number in (signal.SIGINT, signal.SIGBREAK):
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))
    else:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop)
