"""Asks providers what is left of their plan or balance, while the proxy is in use, and takes what their answers say.

    look, every second ─► in use, one is due ─► ask it ─► read ─┐
    the head of an answer ─────────────────────────────► read ─┴─► Quotas ─► cooldowns, notes, reports

A failure is silent but for the report: what a provider does not tell is not known, and harms nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from claude_proxy import __version__
from claude_proxy.core.auth import Auth
from claude_proxy.core.events import quota_low
from claude_proxy.core.headers import for_provider
from claude_proxy.core.health import Health
from claude_proxy.core.hops import Hops
from claude_proxy.core.quota.answer_headers import read_headers
from claude_proxy.core.quota.quota_report import QuotaReport
from claude_proxy.core.quota.quotas import AccountKey, NoticeKind, QuotaNotice, Quotas, account_key
from claude_proxy.core.quota.reading import MAX_ANSWER, NoQuota, Quota, Reading
from claude_proxy.core.quota.sources import QuotaSource, source_of
from claude_proxy.core.retry_after import time_in_headers
from claude_proxy.core.types import Headers, Provider
from claude_proxy.proxy.defects import Defects
from claude_proxy.proxy.in_flight import RequestsInFlight
from claude_proxy.proxy.ports import Answer, Clock, EventSink, Journal, Transport, UpstreamError, UpstreamRequest

EVERY: Final = 300.0
"""Seconds between two questions about one account, at least."""
MAX_PAUSE: Final = 6 * 3600.0
"""Seconds between two questions that fail again and again."""
MAX_NAMED_PAUSE: Final = 7 * 86400.0
"""The longest pause that a provider can name, in seconds."""
IN_USE_FOR: Final = 300.0
"""Seconds after its last request for which the proxy counts as in use."""
HEADS_EVERY: Final = 1.0
"""Seconds between two readings of heads: one takes 50 µs, which is much for each of a hundred answers a second."""
MAX_SECONDS: Final = 15.0
"""How long an answer may take."""

_HEADERS: Final = ((b"accept", b"application/json"), (b"user-agent", f"claude-proxy/{__version__}".encode()))
_KEY_REFUSED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_LOW: Final = frozenset({NoticeKind.NEARLY_USED_UP, NoticeKind.BALANCE_LOW})
_NOT_THERE: Final = NoQuota("it does not offer that")


class QuotaWatch:
    """The quotas of the providers in use. One provider is asked at a time."""

    def __init__(
        self,
        clock: Clock,
        journal: Journal,
        hops: Hops,
        in_flight: RequestsInFlight,
        event_sink: EventSink | None = None,
    ) -> None:
        self._event_sink = event_sink
        self.quotas = Quotas()
        self._in_flight = in_flight
        self._seen = 0
        self._clock = clock
        self._journal = journal
        self._hops = hops
        self._defects = Defects(journal)
        self._providers: Sequence[Provider] = ()
        self._transport: Transport | None = None
        self._asking: asyncio.Task[None] | None = None
        self._due: dict[AccountKey, float] = {}
        self._failures: dict[AccountKey, int] = {}
        self._used_at: float | None = None
        self._heads = dict[str, tuple[Provider, int, Headers]]()
        self._heads_read_at = 0.0
        self._next_heads: asyncio.TimerHandle | None = None

    def follow(self, providers: Sequence[Provider], healths: Mapping[str, Health], transport: Transport) -> None:
        """Watch these providers from now on."""
        now = self._clock.monotonic()
        self._due = {account: due for account, due in self._due.items() if due > now}
        self._failures = {account: count for account, count in self._failures.items() if account in self._due}
        self._providers, self._transport = providers, transport
        self.quotas.follow(providers, healths)

    def report(self, provider: str) -> QuotaReport | None:
        """Return what is known of a provider's quota; None if there is no way to know."""
        found = next((each for each in self._providers if each.name == provider), None)
        return self.quotas.report(found, self._clock.wall()) if found else None

    def look(self) -> asyncio.Task[None] | None:
        """Ask a provider that is due, if the proxy is in use; return the task that does."""
        now = self._clock.monotonic()
        if not self._is_in_use(now) or self._asking or self._transport is None:
            return None
        for provider in self._providers:
            source, account = source_of(provider), account_key(provider)
            if source and self._due.get(account, now) <= now:
                self._due[account] = now + EVERY  # also if it is cancelled
                self._asking = asyncio.get_running_loop().create_task(self._ask(provider, source, self._transport))
                self._asking.add_done_callback(self._asked)
                return self._asking
        return None

    def _is_in_use(self, now: float) -> bool:
        begun = self._in_flight.begun
        if self._in_flight or begun != self._seen:
            self._seen, self._used_at = begun, now
        return self._used_at is not None and now - self._used_at <= IN_USE_FOR

    def take_headers(self, provider: Provider, status: int, headers: Headers) -> None:
        """Take what the head of an answer says of its limits, once the answer has gone on its way.

        Of many answers in one second, the last is read.
        """
        self._heads[provider.name] = provider, status, headers
        if self._next_heads is None:
            loop = asyncio.get_running_loop()
            self._next_heads = loop.call_at(self._heads_read_at + HEADS_EVERY, self._read_heads, loop)

    async def aclose(self) -> None:
        """Ask and read no more."""
        self._transport = None
        if self._next_heads:
            self._next_heads.cancel()
        if self._asking:
            self._asking.cancel()
            await asyncio.wait([self._asking])

    def _asked(self, _task: asyncio.Task[None]) -> None:
        self._asking = None

    def _read_heads(self, loop: asyncio.AbstractEventLoop) -> None:
        self._next_heads, self._heads_read_at = None, loop.time()
        heads, self._heads = self._heads, {}
        now = self._clock.wall()
        for provider, status, headers in heads.values():
            with self._defects:
                if provider in self._providers and (quota := read_headers(headers, now)):
                    accepted = status == HTTPStatus.OK
                    self._note(self.quotas.take_from_answer(provider, quota, now, accepted=accepted))

    def _note(self, notices: Sequence[QuotaNotice]) -> None:
        for notice in notices:
            if self._event_sink and notice.kind in _LOW:
                self._event_sink.tell(quota_low(notice.provider, notice.text, self._clock.wall()))
            self._journal.note(notice.text, "info" if notice.kind is NoticeKind.FREE_AGAIN else "warning")

    async def _ask(self, provider: Provider, source: QuotaSource, transport: Transport) -> None:
        with self._defects:
            prefix = source.prefix(provider)
            if prefix is None:
                reading: Reading = NoQuota("its address is not the usual one")
            elif source.unmetered and provider.api_key.startswith(source.unmetered):
                reading = NoQuota("its key belongs to no plan")
            else:
                reading = await self._ask_all(provider, source, prefix, transport)
            account = account_key(provider)
            failures = self._failures.get(account, 0) + 1 if isinstance(reading, NoQuota) else 0
            self._failures[account] = failures
            pause = min(EVERY * 2.0 ** min(failures, 16) / (2.0 if failures else 1.0), MAX_PAUSE)
            self._due[account] = max(self._due.get(account, 0.0), self._clock.monotonic() + pause)
            if account in {account_key(each) for each in self._providers if each.quota == provider.quota}:
                self._note(self.quotas.take(provider, reading, self._clock.wall()))

    async def _ask_all(self, provider: Provider, source: QuotaSource, prefix: str, transport: Transport) -> Reading:
        """Return what all answers say together; if none says anything, why the first does not."""
        readings = list[Reading]()
        for paths in source.requests:
            reading: Reading = _NOT_THERE
            for path in paths:
                reading = await self._ask_one(provider, source, prefix + path, transport)
                if reading is not _NOT_THERE:
                    break
            readings.append(reading)
        told = [reading for reading in readings if isinstance(reading, Quota)]
        if not told:
            return readings[0]
        windows = tuple(window for quota in told for window in quota.windows)
        return Quota(windows, next((quota.balance for quota in told if quota.balance), None))

    async def _ask_one(self, provider: Provider, source: QuotaSource, path: str, transport: Transport) -> Reading:
        connect = min(provider.timeouts.connect, MAX_SECONDS)
        request = UpstreamRequest(provider.origin, self._head(provider, path), b"")
        try:
            async with asyncio.timeout(MAX_SECONDS):
                answer = await transport.open(request, connect_timeout=connect, head_timeout=MAX_SECONDS)
                try:
                    return await self._read(provider, source, answer)
                finally:
                    answer.close()
        except UpstreamError as error:
            return NoQuota(f"it is out of reach ({error.failure.value.value})")
        except TimeoutError:
            return NoQuota("it did not answer in time")

    def _head(self, provider: Provider, path: str) -> bytes:
        with_key = replace(provider, auth=Auth.BEARER)  # which all of them take here, whatever their messages take
        head = b"GET %b HTTP/1.1\r\n" % path.encode() + for_provider(_HEADERS, with_key, 0)
        return self._hops.added_to(head, b"", provider)

    async def _read(self, provider: Provider, source: QuotaSource, answer: Answer) -> Reading:
        now = self._clock.wall()
        if answer.status != HTTPStatus.OK:
            if (returns_at := time_in_headers(answer.headers, now)) is not None:
                pause = min(returns_at - now, MAX_NAMED_PAUSE)
                self._due[account_key(provider)] = self._clock.monotonic() + max(pause, EVERY)
            if answer.status == HTTPStatus.NOT_FOUND:
                return _NOT_THERE
            return NoQuota("it refused the key" if answer.status in _KEY_REFUSED else f"it answered {answer.status}")
        body = bytearray()
        while piece := await answer.read(MAX_SECONDS):
            body += piece
            if len(body) > MAX_ANSWER:
                return NoQuota("its answer is too large")
        return source.read(bytes(body), now)
