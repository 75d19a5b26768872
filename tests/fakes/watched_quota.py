"""A `QuotaWatch` in front of providers, with a clock that a test moves."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from claude_proxy.core.egress import Egress
from claude_proxy.core.health import Health
from claude_proxy.core.hops import Hops
from claude_proxy.core.quota.quota_report import QuotaReport
from claude_proxy.core.types import Provider
from claude_proxy.net.upstream import HttpTransport
from claude_proxy.proxy.in_flight import Progress, RequestsInFlight
from claude_proxy.proxy.quota_watch import QuotaWatch
from core.builders import account
from fakes.clock import FakeClock
from fakes.proxy import MemoryLedger


class Watched:
    """A watch, and what it works with."""

    def __init__(self, transport: HttpTransport, clock: FakeClock, *providers: Provider) -> None:
        self.clock = clock
        self.journal = MemoryLedger()
        self.in_flight = RequestsInFlight()
        self.watch = QuotaWatch(clock, self.journal, Hops("this-proxy"), self.in_flight)
        self.transport = transport
        self.healths = {each.name: Health(each.name, 1800.0) for each in providers}
        self.watch.follow(providers, self.healths, transport)

    def use(self) -> None:
        """Let a request begin and end."""
        progress = Progress(account)
        self.in_flight.begin(progress)
        self.in_flight.end(progress)

    async def look(self) -> None:
        """Look, and wait until whoever is asked has answered."""
        if task := self.watch.look():
            await asyncio.wait([task])

    async def look_after(self, seconds: float) -> None:
        self.clock.pass_time(seconds)
        self.use()
        await self.look()

    def report(self, name: str = "zai") -> QuotaReport:
        report = self.watch.report(name)
        assert report is not None
        return report


@contextlib.asynccontextmanager
async def watched(*providers: Provider) -> AsyncIterator[Watched]:
    transport = HttpTransport(Egress())
    made = Watched(transport, FakeClock(), *providers)
    try:
        yield made
    finally:
        await made.watch.aclose()
        await transport.aclose()
