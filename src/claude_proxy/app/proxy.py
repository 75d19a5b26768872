"""One running proxy: built from its parts, started, kept up to date with its configuration, stopped."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from claude_proxy import __version__
from claude_proxy.app.config_watch import ConfigWatch
from claude_proxy.app.events.dispatch import EventDispatch
from claude_proxy.app.gateways import build_gateway
from claude_proxy.config.load import Config
from claude_proxy.core.hops import Hops
from claude_proxy.core.live_report import LiveReport
from claude_proxy.core.memory_budget import MemoryBudget
from claude_proxy.core.metrics_state import LedgerState, MetricsState
from claude_proxy.core.status_report import SkippedStatus, Spent, StatusReport
from claude_proxy.core.text import PROGRAM
from claude_proxy.core.upstream_names import UpstreamNames
from claude_proxy.net.guard import Guard, TokenSources
from claude_proxy.net.listener import Listener
from claude_proxy.net.page.page import Page
from claude_proxy.net.server import Server
from claude_proxy.net.services import services
from claude_proxy.net.upstream import HttpTransport
from claude_proxy.net.upstream.tls import system_trust
from claude_proxy.proxy.gateway import Gateway, Memory
from claude_proxy.proxy.in_flight import RequestsInFlight
from claude_proxy.proxy.ports import Clock, Journal
from claude_proxy.proxy.quota_watch import QuotaWatch
from claude_proxy.proxy.status_tracker import StatusTracker
from claude_proxy.store.home import Home
from claude_proxy.store.state_file import StateFile
from claude_proxy.store.token_proof import CHALLENGE, MAX_CHALLENGE, prove

LOOK_INTERVAL: Final = 1.0
"""Seconds between two looks at the configuration's files."""

FORCED_STOP_GRACE: Final = 2.0
"""Seconds that clients have to read how their answers were cut, if the proxy is stopped by force."""

_QUARTER: Final = 900
"""Seconds: clocks are put forward and back at full quarters of an hour. The system is asked once in each."""


class SystemClock:
    """The machine's own time: `ports.Clock`."""

    def __init__(self) -> None:
        self._quarter = -1
        self._utc_offset = 0

    def wall(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def utc_offset(self, at: float) -> int:
        quarter = int(at) // _QUARTER
        if quarter != self._quarter:
            self._quarter, self._utc_offset = quarter, time.localtime(at).tm_gmtoff
        return self._utc_offset


class Proxy:
    """One running proxy. If it has a `home`, it reloads a changed configuration while it runs.

    `program` is how its user calls this program, for messages. `warnings` returns what its status warns of besides the
    configuration. `token_sources` says to the guard which settings of a client hold a token. `written` says how the
    writing of what requests used goes.
    """

    def __init__(
        self,
        config: Config,
        *,
        token: str,
        ledger: Journal,
        home: Home | None,
        clock: Clock | None = None,
        program: str = PROGRAM,
        warnings: Callable[[], Iterable[str]] = tuple,
        token_sources: TokenSources = lambda _: (),
        written: Callable[[], LedgerState | None] = lambda: None,
    ) -> None:
        self._config = self._started_with = config
        self._program = program
        self._warnings = warnings
        self._written = written
        self._clock = clock or SystemClock()
        self._started_at = self._clock.wall()
        self._events = EventDispatch(self._clock, ledger.note, home.root if home else Path.cwd())
        self._tracker = StatusTracker(ledger, self._clock, self._events)
        self._config_watch = ConfigWatch(home, self._tracker, program) if home else None
        self.instance = secrets.token_hex(8)
        self._hops = Hops(self.instance, token)
        self._memory = Memory()
        self._in_flight = RequestsInFlight()
        self._quota = QuotaWatch(self._clock, self._tracker, self._hops, self._in_flight, self._events)
        self._budget = MemoryBudget(config.policy.memory_budget)
        self._state_file = StateFile(home.memory, self._memory, self._tracker) if home else None
        if self._state_file:
            self._state_file.load(self._started_at, config.upstream_names)
        self._transport = self._new_transport(config)
        self._retired = set[HttpTransport]()
        self._gateway = self._build_gateway(config, None)
        self._draining = False
        self._stopped = asyncio.Event()
        self._stopping: asyncio.Task[None] | None = None
        self._next_look: asyncio.TimerHandle | None = None
        self.port = config.port
        self._token = token
        self._page = Page(self, self._clock, home.usage if home else None, program)
        self._guard = Guard(config.host, token, program, config.allowed_hosts, token_sources, self._page.is_let_in)
        self._guard.open_metrics_with(config.metrics_token)
        self._server = Server(
            self._guard,
            lambda: self._gateway,
            services(lambda: self._gateway, self, self._health, self._page),
            self._tracker,
        )
        self._listener = Listener(self._server)

    async def start(self) -> None:
        """Listen; ready on return. Raises `OSError` if the port is taken."""
        if any(provider.origin.scheme == "https" for provider in self._config.providers):
            system_trust(
                self._config.egress.extra_ca_file
            )  # reading the certificates stops the loop for some 30 ms: now rather than in a first request
        self.port = await self._listener.start(self._config.host, self._config.port)
        self._plan_look()

    async def wait(self) -> None:
        """Wait until the proxy has stopped."""
        await self._stopped.wait()

    async def stop(self, *, force: bool = False) -> None:
        """Take no more connections, wait for the requests in flight (or, by force, end them), and stop."""
        self._draining = True
        if self._next_look:
            self._next_look.cancel()
        await self._quota.aclose()
        self._page.close()
        self._listener.close()
        if force:
            for task in self._server.in_flight:
                task.cancel()
        await self._listener.wait_closed(FORCED_STOP_GRACE if force else None)
        await self._page.release()
        for transport in (self._transport, *self._retired):
            await transport.aclose()
        if self._state_file:
            self._remember_cooldowns()
            await self._state_file.close(self._clock.wall())
        await self._events.aclose()
        self._stopped.set()

    def stop_soon(self, *, force: bool) -> int:
        """Begin to stop, once the answer that is being written is out; return how many requests are in flight."""
        asyncio.get_running_loop().call_soon(self._begin_to_stop, force)
        return len(self._server.in_flight)

    def _begin_to_stop(self, force: bool) -> None:
        self._stopping = asyncio.get_running_loop().create_task(self.stop(force=force))

    def status(self) -> StatusReport:
        """Return the proxy's state."""
        return StatusReport(
            version=__version__,
            instance=self.instance,
            pid=os.getpid(),
            started_at=self._started_at,
            host=self._started_with.host,
            port=self.port,
            in_flight=len(self._server.in_flight),
            draining=self._draining,
            providers=self._tracker.providers(self._clock.wall(), self._quota.report),
            skipped=tuple(SkippedStatus(skipped.name, skipped.variable) for skipped in self._config.skipped),
            last_answer=self._tracker.last_answer,
            answers_saved=self._tracker.answers_saved,
            spent_today=self._spent_today(),
            budgets=self._tracker.budgets.report(),
            too_large=self._tracker.too_large,
            sessions=self._tracker.sessions(),
            waiting=self._in_flight.silent(self._clock.monotonic()),
            config_problems=self._config_watch.problems if self._config_watch else (),
            warnings=(*self._config.warnings, *self._waiting_for_restart(), *self._warnings()),
            egress=self._config.egress.in_words,
        )

    def live(self) -> LiveReport:
        """Return what happens now."""
        now = self._clock.wall()
        return LiveReport(
            at=now,
            started_at=self._started_at,
            draining=self._draining,
            in_flight=len(self._in_flight),
            requests=self._in_flight.report(self._clock.monotonic()),
            providers=self._tracker.providers(now, self._quota.report),
            failovers=self._tracker.failovers.newest(),
            budgets=self._tracker.budgets.report(),
            spent_today=self._spent_today(),
        )

    def metrics(self) -> MetricsState:
        """Return what happened since it started, and how it is now."""
        return MetricsState(self.status(), self._tracker.traffic.copy(), self._written())

    @property
    def started_at(self) -> float:
        """When it began, in seconds since the epoch."""
        return self._started_at

    def count_earlier(self, today: Spent, sessions: Mapping[str, Spent]) -> None:
        """Go on with the sums of what was spent before it began: on the day of its start, and in each session."""
        at = self._started_at
        self._tracker.spending.add_earlier(at, self._clock.utc_offset(at), today, sessions)

    def count_earlier_by_provider(self, day: Mapping[str, Spent], month: Mapping[str, Spent]) -> None:
        """Go on with what was spent on each provider before it began: on the day of its start, and in that month."""
        at = self._started_at
        self._tracker.budgets.add_earlier(at, self._clock.utc_offset(at), day, month)

    def spent_in(self, session: str) -> Spent | None:
        """Return what the requests of a session cost; None if nothing is known of it."""
        return self._tracker.spending.of_session(session)

    def _spent_today(self) -> Spent:
        now = self._clock.wall()
        return self._tracker.spending.of_day(now, self._clock.utc_offset(now))

    def _health(self, query: bytes) -> dict[str, str]:
        """Return what any client may know; one that asks for it gets a proof that this is the proxy of its token."""
        health = {"status": "ok", "service": "claude-proxy", "version": __version__, "instance": self.instance}
        if query.startswith(CHALLENGE) and len(query) <= MAX_CHALLENGE:
            health["proof"] = prove(self._token, self.port, query)
        return health

    def upstream_names(self) -> UpstreamNames:
        """Return the names of the upstreams, by the configuration in use."""
        return self._config.upstream_names

    def _plan_look(self) -> None:
        self._next_look = asyncio.get_running_loop().call_later(LOOK_INTERVAL, self._look)

    def _look(self) -> None:
        """Write what is to be remembered, and reload a changed configuration."""
        self._plan_look()
        self._quota.look()
        self._tracker.look()
        if self._state_file:
            self._remember_cooldowns()
            self._state_file.write_if_due(self._clock.wall())
        if self._config_watch and (config := self._config_watch.changed()):
            self._reload(config)

    def _remember_cooldowns(self) -> None:
        gateway = self._gateway
        self._memory.cooldowns.follow(gateway.providers, gateway.healths, self._clock.wall())

    def _reload(self, config: Config) -> None:
        if config.egress != self._config.egress:
            self._retired.add(self._transport)
            self._transport.retire(self._retired.discard)
            self._transport = self._new_transport(config)
        self._budget.limit = config.policy.memory_budget
        self._guard.allow(config.allowed_hosts)
        self._guard.open_metrics_with(config.metrics_token)
        self._gateway = self._build_gateway(config, self._gateway)
        waiting = self._waiting_for_restart()
        self._config = config
        for text in self._waiting_for_restart():
            if text not in waiting:
                self._tracker.note(text, "warning")
        self._tracker.note(f"configuration reloaded: {', '.join(provider.name for provider in config.providers)}")

    def _new_transport(self, config: Config) -> HttpTransport:
        return HttpTransport(config.egress, memory=self._budget.share())

    def _waiting_for_restart(self) -> tuple[str, ...]:
        """Return a sentence for each changed setting that is used only after a restart."""
        before, now = _fixed_at_start(self._started_with), _fixed_at_start(self._config)
        restart = f"`{self._program} restart`"
        return tuple(
            f"config.json: {key} is now {now[key]}, which is used after {restart}."
            for key in now
            if now[key] != before[key]
        )

    def _build_gateway(self, config: Config, before: Gateway | None) -> Gateway:
        self._tracker.limit_bodies(config.policy.max_body_bytes)
        self._events.follow(config)
        self._tracker.budgets.follow(config.budgets, passes=config.on_budget == "pass")
        gateway = build_gateway(
            config,
            before,
            transport=self._transport,
            clock=self._clock,
            ledger=self._tracker,
            memory=self._memory,
            budget=self._budget,
            budgets=self._tracker.budgets,
            in_flight=self._in_flight,
            hops=self._hops,
            quota=self._quota,
            program=self._program,
        )
        self._tracker.follow(gateway.providers, gateway.healths)
        self._tracker.traffic.follow(gateway.providers, gateway.claude_prices)
        self._quota.follow(gateway.providers, gateway.healths, self._transport)
        return gateway


def _fixed_at_start(config: Config) -> dict[str, str | int]:
    return {
        "host": config.host,
        "proxy_port": config.port,
        "log_level": config.log_level,
        "usage_days": config.usage_days,
        "otel": "true" if config.otel is not None else "false",
    }
