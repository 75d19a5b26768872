"""What to do next with a request: the state machine of one exchange.

                    ┌───── Rejected: PROVIDER, QUOTA or MISFIT ───────┐
                    ▼                                                 │
    begin ─► the next candidate that its health admits ─► Try ─► judged ─► Accepted ──────────► Relay
                    │ none is left                                    └─► Rejected: REQUEST ──► GiveUp
                    ▼
             those passed over, in the order of their return ─► Try …
                    │ none is left
                    ▼
                  GiveUp

A pinned request has one candidate, is sent whatever that one's health, and its error is the client's.

Where all have failed, each in its own way, the client is told what it can act on: to ask again, or to shorten its
prompt, where one would have taken it so and all others are at a limit that lasts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from claude_proxy.core.health import Health, Permit
from claude_proxy.core.judge import Accepted, Outcome, Rejected
from claude_proxy.core.limits import NO_CREDIT, PLAN_LIMIT, TOO_LONG
from claude_proxy.core.routing import Candidate
from claude_proxy.core.types import Ending, Fault

SOON: Final = 60.0
"""Seconds that Claude Code waits at most before it asks again; where `retry-after` says more, it gives up."""

_LASTING: Final = frozenset({NO_CREDIT.label, PLAN_LIMIT.label})


@dataclass(frozen=True, slots=True)
class Try:
    """Ask this provider for this model."""

    candidate: Candidate


@dataclass(frozen=True, slots=True)
class Relay:
    """Send this answer to the client."""

    accepted: Accepted


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Send the client this error, and whose it is; `returns_at`: when the first provider is expected back."""

    rejected: Rejected
    provider: str
    returns_at: float | None


Decision: TypeAlias = Try | Relay | GiveUp


class Failover:
    """One request's way through its candidates. Settles each permit that it takes exactly once.

    `too_small`: what others would say that are not asked, since their windows can't hold the request.
    """

    def __init__(
        self, candidates: Sequence[tuple[Candidate, Health]], *, pinned: bool, too_small: Rejected | None = None
    ) -> None:
        if not candidates:
            raise ValueError("a route has at least one candidate")
        self._healths = [health for _, health in candidates]
        self._waiting = list(candidates)
        self._passed_over: list[tuple[Candidate, Health]] = []
        self._forced = False
        self._pinned = pinned
        self._asked: tuple[Health, Permit] | None = None
        self._rejections: list[tuple[Rejected, str]] = [(too_small, "")] if too_small else []

    def begin(self, now: float) -> Decision:
        """Return the first provider to ask. There is always one: at the worst, one that rests."""
        return self._next(now)

    def judged(self, outcome: Outcome, now: float) -> Decision:
        """Take what came of the last `Try`."""
        health, permit = self._taken()
        if isinstance(outcome, Accepted):
            health.accept(permit)
            return Relay(outcome)
        self._rejections.append((outcome, health.name))
        if outcome.fault is Fault.REQUEST:
            health.release(permit)
            return GiveUp(outcome, health.name, None)
        if outcome.fault is Fault.INCOMPATIBLE:
            health.release(permit)
        else:
            _hold_against(health, permit, outcome, now)
        return self._next(now)

    def ended(self, ending: Ending, now: float) -> None:
        """Take how a relayed answer ended. Not for a client that left: that is nobody's fault, and changes nothing."""
        health, permit = self._taken()
        if ending is Ending.COMPLETE:
            health.complete(permit)
        else:
            health.strike(permit, now, ending.value)

    def abandon(self) -> None:
        """Give back the permit in hand, unjudged. Harmless where it has been settled."""
        if self._asked:
            health, permit = self._asked
            health.release(permit)

    def _taken(self) -> tuple[Health, Permit]:
        if self._asked is None:
            raise RuntimeError("nothing was tried yet")
        return self._asked

    def _next(self, now: float) -> Try | GiveUp:
        while self._waiting:
            candidate, health = self._waiting.pop(0)
            permit = health.force() if self._forced else health.admit(now)
            if permit:
                self._asked = (health, permit)
                return Try(candidate)
            self._passed_over.append((candidate, health))
        if self._passed_over:
            self._waiting = sorted(self._passed_over, key=lambda one: one[1].cooldown_until or 0.0)
            self._passed_over = []
            self._forced = True
            return self._next(now)
        return self._give_up(now)

    def _give_up(self, now: float) -> GiveUp:
        """Return the last error of those that a later request may find well; of misfits, where there is nothing else.

        Of these the last that can be relayed.
        """
        misfits = [one for one in self._rejections if one[0].fault is Fault.INCOMPATIBLE]
        too_long = [one for one in misfits if one[0].label == TOO_LONG.label]
        others = [one for one in self._rejections if one[0].fault is not Fault.INCOMPATIBLE]
        if too_long and all(_lasts(one[0], now) for one in others):
            others = []
        told = others or too_long or misfits
        rejected, name = next((one for one in reversed(told) if one[0].reply), told[-1])
        # where the request itself fits nowhere, asking again helps nobody
        return GiveUp(rejected, name, self._first_return(now) if others else None)

    def _first_return(self, now: float) -> float | None:
        if self._pinned:
            return self._rejections[-1][0].until
        # the return of one that can't take this request changes nothing
        able = {name for rejected, name in self._rejections if rejected.fault is not Fault.INCOMPATIBLE}
        healths = [health for health in self._healths if health.name in able]
        return min(
            (now if health.cooldown_until is None else health.cooldown_until for health in healths), default=None
        )


def _lasts(rejected: Rejected, now: float) -> bool:
    """Whether a provider is at a limit for longer than a client waits; one that names no time may be back at once."""
    if rejected.fault is not Fault.QUOTA or rejected.until is None:
        return rejected.label in _LASTING
    return rejected.until - now > SOON


def _hold_against(health: Health, permit: Permit, rejected: Rejected, now: float) -> None:
    if rejected.fault is Fault.QUOTA:
        health.rate_limited(permit, now, rejected.label, rejected.until, at_least=rejected.rest)
    else:
        health.strike(permit, now, rejected.label, rejected.until)
