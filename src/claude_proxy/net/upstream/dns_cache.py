"""Names of hosts, looked up without making anybody wait who need not.

The system's look-up blocks a thread for as long as it likes. asyncio and uvloop keep a few threads for it: where the
name server of one provider hangs, they are soon all taken, other providers cannot be reached either, and the process
waits for them at its end. Here each look-up has a thread of its own that nobody waits for.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

FRESH_SECONDS: Final = 60.0
"""How long an answer is used without asking again: what most providers' own name servers allow."""

STALE_AFTER: Final = 1.0
"""Seconds after which a known answer is used, however old, rather than wait for a new one."""

MAX_LOOK_UPS: Final = 32
"""How many look-ups, each of another host, may be under way. Providers are fewer, as a rule."""

Address: TypeAlias = tuple[int, tuple[str | int | bytes, ...]]
"""A family, and an address as that family's sockets take it."""

Addresses: TypeAlias = tuple[Address, ...]
"""In the order that the system prefers; empty where the name was not found."""


@dataclass(frozen=True, slots=True)
class _LookUp:
    """One that is under way; `since` by the loop's clock. Its result is shared by all who wait."""

    result: asyncio.Future[Addresses]
    since: float


@dataclass(frozen=True, slots=True)
class _Known:
    """An answer; `since` by the clock on the wall, since the loop's own stands still while a laptop sleeps."""

    addresses: Addresses
    since: float

    @property
    def fresh(self) -> bool:
        return 0 <= time.time() - self.since < FRESH_SECONDS


class DnsCache:
    """Looks names up, each once at a time, and remembers them. To be used in one event loop."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], _Known] = {}
        self._under_way: dict[tuple[str, int], _LookUp] = {}

    async def addresses(self, host: str, port: int) -> Addresses:
        """Return the addresses of a host, none where it is not found; sets no limit of time where it is not known."""
        if at_once := _without_asking(host, port):
            return at_once
        known = self._known.get((host, port))
        if known is not None and known.fresh:
            return known.addresses
        look_up = self._under_way.get((host, port)) or self._begin(host, port)
        if look_up is None:
            return known.addresses if known else ()
        waiting = asyncio.shield(look_up.result)
        if known is None:
            return await waiting
        try:
            async with asyncio.timeout_at(look_up.since + STALE_AFTER):
                return await waiting or known.addresses
        except TimeoutError:
            return known.addresses

    def invalidate(self, host: str, port: int) -> None:
        """Ask anew next time: there was no way to what is known."""
        known = self._known.get((host, port))
        if known is not None:
            self._known[host, port] = _Known(known.addresses, 0.0)

    def _begin(self, host: str, port: int) -> _LookUp | None:
        """Begin to look a name up; None where too many others are under way, or the system gives no thread."""
        if len(self._under_way) >= MAX_LOOK_UPS:
            return None
        loop = asyncio.get_running_loop()
        look_up = _LookUp(loop.create_future(), loop.time())

        def tell(found: Addresses) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(self._end, (host, port), found)

        thread = threading.Thread(target=_ask_system, args=(host, port, tell), name="look-up", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return None
        self._under_way[host, port] = look_up
        return look_up

    def _end(self, asked: tuple[str, int], found: Addresses) -> None:
        if found:
            self._known[asked] = _Known(found, time.time())
        self._under_way.pop(asked).result.set_result(found)


def _without_asking(host: str, port: int) -> Addresses:
    """Return what needs no name server, and no thread to wait for one: an address, and this machine (RFC 6761, 6.3)."""
    if host.lower() == "localhost":
        return ((socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET6, ("::1", port, 0, 0)))
    try:
        return _found(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST))
    except (OSError, UnicodeError):
        return ()


def _ask_system(host: str, port: int, tell: Callable[[Addresses], None]) -> None:
    """Run in a thread of its own."""
    try:
        found = _found(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError):
        found = ()
    tell(found)


def _found(entries: Iterable[tuple[int, int, int, str, tuple[str | int | bytes, ...]]]) -> Addresses:
    return tuple((family, address) for family, _, _, _, address in entries)
