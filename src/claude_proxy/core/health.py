"""One provider's health: strikes, one cooldown, and the permit of its probe.

           strike, rate_limited, use_up       cooldown is over: the next request admitted is the probe
    READY ───────────────────► COOLDOWN ─────────────────────────────► PROBING
      ▲                          ▲  ▲                                    │ │ │
      │                          │  └─────── strike, rate_limited ───────┘ │ │
      │                          └──────────── release (unjudged) ─────────┘ │
      └──────────────── accept; refill, of what use_up began ────────────────┘

A permit remembers the epoch in which it was given, and each cooldown begins a new one. What comes of a permit from an
older epoch is a late answer to a request that was sent before the trip, and changes nothing.
"""

from __future__ import annotations

import enum
from typing import Final

import msgspec

from claude_proxy.core.reasons import Reason, label

FIRST_COOLDOWN: Final = 15.0
"""Cooldown after the first strike, in seconds; doubled with each strike in a row."""

MIN_COOLDOWN: Final = 1.0
"""The cooldown of a provider that names zero seconds, or a moment that has passed."""

MAX_COOLDOWN: Final = 7 * 86400.0
"""The longest cooldown that a provider can name: the longest quota window known is a week."""

MIN_NEWS: Final = 60.0
"""Seconds by which a reset has to be later than the end of a cooldown to change it."""


class State(enum.Enum):
    """Whether a provider can be asked; the value is what `status` shows."""

    READY = "ready"
    COOLDOWN = "cooldown"
    PROBING = "probing"


class Permit(msgspec.Struct, frozen=True, gc=False):
    """The right to send one request to a provider; `probe` if it decides whether a cooldown is over."""

    epoch: int
    probe: bool = False


class Health:
    """What is known of one provider's ability to answer. Times are seconds since the epoch."""

    __slots__ = (
        "_probe",
        "cooldown",
        "cooldown_length",
        "cooldown_until",
        "epoch",
        "name",
        "reason",
        "status",
        "strikes",
    )

    def __init__(self, name: str, cooldown: float) -> None:
        self.name = name
        self.cooldown = cooldown
        self.epoch = 0
        self.strikes = 0
        self.cooldown_until: float | None = None
        self.cooldown_length = 0.0
        self.reason: Reason | None = None
        self.status: int | None = None
        self._probe: Permit | None = None

    @property
    def label(self) -> str:
        """What the last fault is shown as, a status or a word; empty if there was none since the last good end."""
        return "" if self.reason is None else label(self.reason, self.status)

    def state(self, now: float) -> State:
        if self.cooldown_until is None:
            return State.READY
        return State.PROBING if self._probe and not self._is_cooling_down(now) else State.COOLDOWN

    def _is_cooling_down(self, now: float) -> bool:
        """Whether the cooldown goes on; an end further ahead than it is long stems from a clock since set back."""
        return self.cooldown_until is not None and 0 < self.cooldown_until - now <= self.cooldown_length

    def admits(self, now: float) -> bool:
        """Whether a request would get a permit now."""
        return self.cooldown_until is None or not (self._probe or self._is_cooling_down(now))

    def admit(self, now: float) -> Permit | None:
        """Return a permit, or None during a cooldown and while a probe is out."""
        if self.cooldown_until is None:
            return Permit(self.epoch)
        if not self.admits(now):
            return None
        self._probe = Permit(self.epoch, probe=True)
        return self._probe

    def force(self) -> Permit:
        """Return a permit whatever the health: for a pinned request and for the last resort."""
        return Permit(self.epoch)

    def accept(self, permit: Permit) -> None:
        """Take an answer that has begun well: a cooldown is over. Strikes stay until it has ended well too."""
        if permit.epoch == self.epoch:
            self.cooldown_until = None
            self._probe = None

    def complete(self, permit: Permit) -> None:
        """Take an answer that has ended well: the strikes in a row are over."""
        if permit.epoch == self.epoch:
            self.strikes = 0
            self.reason = self.status = None

    def strike(
        self, permit: Permit, now: float, reason: Reason, status: int | None = None, until: float | None = None
    ) -> None:
        """Take a fault of the provider: a cooldown, longer with each strike in a row, or until the time it named.

        A forced request that fails during a cooldown says nothing new, and does not lengthen it.
        """
        if permit.epoch != self.epoch or (self._is_cooling_down(now) and not permit.probe):
            return
        self.strikes += 1
        length = min(FIRST_COOLDOWN * 2.0 ** min(self.strikes - 1, 32), self.cooldown)
        if until is not None:
            length = max(length, min(until - now, self.cooldown))
        self._cool_down(now, length, reason, status)

    def rate_limited(
        self,
        permit: Permit,
        now: float,
        reason: Reason,
        status: int | None = None,
        until: float | None = None,
        *,
        at_least: float = 0.0,
    ) -> None:
        """Take a quota fault: a cooldown until the time that the provider named, else the user's, or `at_least`.

        A forced request that meets the quota again, and is told no time, says nothing new.
        """
        if permit.epoch != self.epoch or (until is None and self._is_cooling_down(now) and not permit.probe):
            return
        length = max(self.cooldown, at_least)
        if until is not None:
            length = min(max(until - now, MIN_COOLDOWN), MAX_COOLDOWN)
        self._cool_down(now, length, reason, status)

    def release(self, permit: Permit) -> None:
        """Give a permit back unjudged; if it was the probe, the next request becomes the probe. Idempotent."""
        if permit is self._probe:
            self._probe = None

    def use_up(self, now: float, until: float) -> bool:
        """Take that a plan is used up until a moment, before a request fails: a cooldown. Returns whether it begins."""
        length = min(until - now, MAX_COOLDOWN)
        if length <= 0 or (self._is_cooling_down(now) and self._cooldown_left(now) > length - MIN_NEWS):
            return False
        self._cool_down(now, length, Reason.PLAN_USED_UP, None)
        return True

    @property
    def is_used_up(self) -> bool:
        """Whether the cooldown is one that `use_up` began; if its time is over, the next request decides."""
        return self.cooldown_until is not None and self.reason is Reason.PLAN_USED_UP

    def refill(self) -> bool:
        """Take that a plan is no longer used up: the cooldown that `use_up` began ends. Returns whether one does."""
        if not self.is_used_up:
            return False
        self.cooldown_until = self.reason = self._probe = None
        return True

    def _cooldown_left(self, now: float) -> float:
        return 0.0 if self.cooldown_until is None else self.cooldown_until - now

    def resume(self, until: float, length: float, strikes: int, reason: Reason | None, status: int | None) -> None:
        """Go on with a cooldown that began before the proxy was started."""
        self.strikes = strikes
        self.cooldown_until, self.cooldown_length = until, length
        self.reason, self.status = reason, status

    def _cool_down(self, now: float, length: float, reason: Reason, status: int | None) -> None:
        self.epoch += 1
        self.cooldown_until = now + length
        self.cooldown_length = length
        self.reason = reason
        self.status = status
        self._probe = None

    def __repr__(self) -> str:
        state = "ready" if self.cooldown_until is None else f"cooldown {self.cooldown_length:.0f} s"
        if self._probe:
            state = "probing"
        return f"<Health {self.name} {state}, {self.strikes} strike{'' if self.strikes == 1 else 's'}>"
