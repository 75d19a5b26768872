"""A clock that stands still until a test moves it."""

from __future__ import annotations

from dataclasses import dataclass

NOON = 1_800_000_000.0
"""An arbitrary moment: 2027-01-15 08:00:00 UTC."""


@dataclass(slots=True)
class FakeClock:
    """A `ports.Clock` that a test sets; its two times move together."""

    now: float = NOON
    uptime: float = 1000.0
    offset: int = 0

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.uptime

    def utc_offset(self, at: float) -> int:
        return self.offset

    def pass_time(self, seconds: float) -> None:
        """Move the clock forward."""
        self.now += seconds
        self.uptime += seconds
