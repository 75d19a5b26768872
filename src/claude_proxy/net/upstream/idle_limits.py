"""How long a free connection to each origin is worth keeping: as long as its server keeps it, as far as is known."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Final

from claude_proxy.core.types import Origin

MARGIN: Final = 1.0
"""Seconds before the server's own limit: it closes at once, while our request may be on its way."""
SAME: Final = 0.1
"""Two connections that a server closed after the same time, within this part of it, show its limit."""
MIN_APART: Final = 2.0
"""Seconds between two such closes. One that restarts closes all its connections at once, whatever their age."""
MIN_AFTER_SILENCE: Final = 30.0
"""Seconds that stay allowed after a connection was lost silently: few routers forget one sooner."""
RELEARN_AFTER: Final = 3600.0
"""Seconds that what was observed counts. A server says its limit anew with each answer, or never."""

_TIMEOUT: Final = re.compile(rb"(?:^|[,;\s])timeout\s*=\s*\"?([0-9]{1,9})", re.IGNORECASE)


@dataclass(slots=True)
class _Known:
    seconds: float | None = None
    """The limit; None if it is not known."""
    until: float = 0.0
    last_age: float = 0.0
    last_close: float = 0.0


class IdleLimits:
    """What is known of each origin. Times are by the wall clock, which goes on while a laptop sleeps."""

    def __init__(self) -> None:
        self._known: dict[Origin, _Known] = {}

    def of(self, origin: Origin, longest: float) -> float:
        """Return for how many seconds a free connection may be used again, at most `longest`."""
        known = self._known.get(origin)
        if known is None or known.seconds is None or time.time() >= known.until:
            return longest
        return min(known.seconds, longest)

    def read_header(self, origin: Origin, keep_alive: bytes) -> None:
        """Take what a server says of itself: `Keep-Alive: timeout=5, max=100`."""
        if match := _TIMEOUT.search(keep_alive):
            seconds = float(match[1])
            self._set(origin, seconds - min(MARGIN, seconds / 2))

    def closed_by_server(self, origin: Origin, age: float) -> None:
        """Take that a server closed a connection that had been free for `age` seconds."""
        known, now = self._known.setdefault(origin, _Known()), time.time()
        apart = now - known.last_close
        if abs(age - known.last_age) <= SAME * age and apart >= MIN_APART:
            self._set(origin, age - min(MARGIN, age / 2))
        known.last_age, known.last_close = age, now

    def lost_silently(self, origin: Origin, age: float) -> None:
        """Take that a connection was dead after `age` seconds though nothing had said so: a router forgot it."""
        self._set(origin, max(MIN_AFTER_SILENCE, age / 2))

    def _set(self, origin: Origin, seconds: float) -> None:
        known = self._known.setdefault(origin, _Known())
        known.seconds, known.until = seconds, time.time() + RELEARN_AFTER
