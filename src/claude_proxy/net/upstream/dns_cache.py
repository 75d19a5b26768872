"""Looks up host names, remembers them, and lets a slow name server delay no other host.

The system's look-up blocks a thread for as long as it likes. asyncio and uvloop share a few threads for it: if the name
server of one provider hangs, all of them are soon taken, other providers cannot be reached either, and the process
waits for them at its end. Here each look-up has a thread of its own, and the process does not wait for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

import msgspec

FRESH_SECONDS: Final = 60.0
"""How long an answer is used without asking again; most providers' own name servers allow that."""

STALE_AFTER: Final = 1.0
"""Seconds after which a known answer is used, however old, rather than wait for a new one."""

MAX_LOOK_UPS: Final = 32
"""How many look-ups, each of another host, may run at once. There are usually fewer providers."""

Address: TypeAlias = tuple[int, tuple[str | int | bytes, ...]]
"""A family, and an address as that family's sockets take it."""

Addresses: TypeAlias = tuple[Address, ...]
"""In the order that the system prefers; empty if the name was not found."""


class _Lookup(msgspec.Struct, frozen=True):
    """A look-up that is running; `since` by the loop's clock. All who wait for the host share its result."""

    result: asyncio.Future[Addresses]
    since: float


class _Entry(msgspec.Struct, frozen=True):
    """An answer; `since` by the wall clock, since the loop's own stands still while a laptop sleeps."""

    addresses: Addresses
    since: float

    @property
    def fresh(self) -> bool:
        return 0 <= time.time() - self.since < FRESH_SECONDS


class DnsCache:
    """Host names and their addresses. Each host is looked up once at a time. To be used in one event loop."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, int], _Entry] = {}
        self._running: dict[tuple[str, int], _Lookup] = {}

    async def addresses(self, host: str, port: int) -> Addresses:
        """Return the addresses of a host, none if it is not found. A host that is not known has no time limit."""
        if literal := _without_lookup(host, port):
            return literal
        entry = self._entries.get((host, port))
        if entry is not None and entry.fresh:
            return entry.addresses
        lookup = self._running.get((host, port)) or self._start_lookup(host, port)
        if lookup is None:
            return entry.addresses if entry else ()
        waiting = asyncio.shield(lookup.result)
        if entry is None:
            return await waiting
        try:
            async with asyncio.timeout_at(lookup.since + STALE_AFTER):
                return await waiting or entry.addresses
        except TimeoutError:
            return entry.addresses

    def invalidate(self, host: str, port: int) -> None:
        """Look a host up anew next time: the addresses that are known did not lead to it."""
        entry = self._entries.get((host, port))
        if entry is not None:
            self._entries[host, port] = _Entry(entry.addresses, 0.0)

    def _start_lookup(self, host: str, port: int) -> _Lookup | None:
        """Start to look a name up; None if too many others are running, or the system gives no thread."""
        if len(self._running) >= MAX_LOOK_UPS:
            return None
        loop = asyncio.get_running_loop()
        lookup = _Lookup(loop.create_future(), loop.time())

        def report(addresses: Addresses) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nothing waits for it any more
                loop.call_soon_threadsafe(self._finish_lookup, (host, port), addresses)

        thread = threading.Thread(target=_ask_system, args=(host, port, report), name="look-up", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return None
        self._running[host, port] = lookup
        return lookup

    def _finish_lookup(self, host: tuple[str, int], addresses: Addresses) -> None:
        if addresses:
            self._entries[host] = _Entry(addresses, time.time())
        self._running.pop(host).result.set_result(addresses)


def _without_lookup(host: str, port: int) -> Addresses:
    """Return the addresses of what needs no name server: a literal address, and localhost (RFC 6761, 6.3)."""
    if host.lower() == "localhost":
        return ((socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET6, ("::1", port, 0, 0)))
    try:
        return _addresses(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST))
    except (OSError, UnicodeError):
        return ()


def _ask_system(host: str, port: int, report: Callable[[Addresses], None]) -> None:
    """Run in a thread of its own."""
    try:
        addresses = _addresses(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError):
        addresses = ()
    report(addresses)


def _addresses(entries: Iterable[tuple[int, int, int, str, tuple[str | int | bytes, ...]]]) -> Addresses:
    return tuple((family, address) for family, _, _, _, address in entries)
