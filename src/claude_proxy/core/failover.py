"""What to do next with a request: the state machine of one exchange.

                    ┌───── Rejected: PROVIDER, QUOTA or INCOMPATIBLE ─────┐
                    ▼                                                     │
    begin ─► the next candidate that its health admits ─► Try ─► judged ──┼─► accepted ──────────────────► Relay
                    │ none is left                                        └─► Rejected: REQUEST, INTERNAL ─► GiveUp
                    ▼
             those in cooldown, in the order of their return ─► Try …
                    │ none is left
                    ▼
                  GiveUp

A pinned request has one candidate, is sent whatever its health, and its error is the client's.

If all have failed, each in its own way, the client is told what it can act on: to ask again, or to shorten its prompt
if a provider would have taken it so and all others are at a limit that lasts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeAlias, TypeVar, assert_never

import msgspec

from claude_proxy.core.account_errors import key_place
from claude_proxy.core.health import Health, Permit
from claude_proxy.core.outcome import Rejected
from claude_proxy.core.reasons import Reason
from claude_proxy.core.routing import Candidate
from claude_proxy.core.types import Ending, Fault

SOON: Final = 60.0
"""Seconds that Claude Code waits at most before it asks again; if `retry-after` says more, it gives up."""

_LASTING: Final = frozenset({Reason.NO_CREDIT, Reason.PLAN_LIMIT})

AcceptedT = TypeVar("AcceptedT")
"""What an accepted answer is to the caller; it is only passed through here."""


class Try(msgspec.Struct, frozen=True, gc=False):
    """Ask this candidate."""

    candidate: Candidate


@dataclass(frozen=True, slots=True)
class Relay(Generic[AcceptedT]):
    """Send the client this answer of this candidate."""

    candidate: Candidate
    accepted: AcceptedT


class Failed(msgspec.Struct, frozen=True, gc=False):
    """A provider that was asked and could not answer; `until` is when it is expected back, if that is known."""

    provider: str
    rejected: Rejected
    until: float | None = None
    key: str = ""
    """Where its key is set."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Send the client this error."""

    rejected: Rejected
    provider: str
    """Whose error it is; empty if no provider was asked."""
    returns_at: float | None
    """When the first provider is expected back."""
    failed: tuple[Failed, ...] = field(default=(), compare=False)
    """All that may take the request later, each once, in the order of the route: the client is told of each.

    Empty if a provider's own error says more: of a request that is at fault, or of a provider that is pinned.
    """


Decision: TypeAlias = Try | Relay[AcceptedT] | GiveUp


class Failover(Generic[AcceptedT]):
    """One request's way through its candidates. Settles each permit that it takes exactly once.

    `too_small`: what others would say that are not asked, since the request does not fit into their windows.
    """

    def __init__(
        self, candidates: Sequence[tuple[Candidate, Health]], *, pinned: bool, too_small: Rejected | None = None
    ) -> None:
        if not candidates:
            raise ValueError("a route has at least one candidate")
        self._candidates = candidates
        self._waiting = list(candidates)
        self._passed_over: list[tuple[Candidate, Health]] = []
        self._forced = False
        self._pinned = pinned
        self._tried: tuple[Candidate, Health, Permit] | None = None
        self._rejections: list[tuple[Rejected, str]] = [(too_small, "")] if too_small else []

    def begin(self, now: float) -> Decision[AcceptedT]:
        """Return the first candidate to ask. There is always one: at the worst, one in cooldown."""
        return self._next(now)

    def judged(self, outcome: AcceptedT | Rejected, now: float) -> Decision[AcceptedT]:
        """Take what came of the last `Try`."""
        candidate, health, permit = self._last_try()
        if not isinstance(outcome, Rejected):
            health.accept(permit)
            return Relay(candidate, outcome)
        self._rejections.append((outcome, health.name))
        match outcome.fault:
            case Fault.REQUEST | Fault.INTERNAL:
                health.release(permit)
                return GiveUp(outcome, health.name, None)
            case Fault.INCOMPATIBLE:
                health.release(permit)
            case Fault.QUOTA:
                health.rate_limited(
                    permit, now, outcome.reason, outcome.status, outcome.until, at_least=outcome.cooldown
                )
            case Fault.PROVIDER:
                health.strike(permit, now, outcome.reason, outcome.status, outcome.until)
            case _:
                assert_never(outcome.fault)
        return self._next(now)

    def next_in_line(self, now: float) -> str:
        """Return the provider that is asked if the last `Try` fails; empty if there is none."""
        left = [(health.cooldown_until or 0.0, health) for _, health in (*self._waiting, *self._passed_over)]
        admitted = [health.name for _, health in left if self._forced or health.admits(now)]
        return next(iter(admitted), min(left, key=lambda pair: pair[0])[1].name if left else "")

    def ended(self, ending: Ending, now: float) -> None:
        """Take how a relayed answer ended."""
        _, health, permit = self._last_try()
        match ending:
            case Ending.COMPLETE | Ending.RECOVERED:
                health.complete(permit)
            case Ending.TRUNCATED | Ending.STALLED | Ending.ERROR:
                health.strike(permit, now, Reason(ending.value))
            case Ending.CLIENT_LEFT | Ending.INTERNAL:
                health.release(permit)
            case _:
                assert_never(ending)

    def abandon(self) -> None:
        """Give back the permit in hand, unjudged. Harmless if it has been settled."""
        if self._tried:
            _, health, permit = self._tried
            health.release(permit)

    def _last_try(self) -> tuple[Candidate, Health, Permit]:
        if self._tried is None:
            raise RuntimeError("nothing was tried yet")
        return self._tried

    def _next(self, now: float) -> Try | GiveUp:
        while self._waiting:
            candidate, health = self._waiting.pop(0)
            permit = health.force() if self._forced else health.admit(now)
            if permit:
                self._tried = (candidate, health, permit)
                return Try(candidate)
            self._passed_over.append((candidate, health))
        if self._passed_over:
            self._waiting = sorted(self._passed_over, key=lambda passed: passed[1].cooldown_until or 0.0)
            self._passed_over = []
            self._forced = True
            return self._next(now)
        return self._give_up(now)

    def _give_up(self, now: float) -> GiveUp:
        """Return the last error that can be relayed; those of providers that may take the request later come first."""
        incompatible = [rejection for rejection in self._rejections if rejection[0].fault is Fault.INCOMPATIBLE]
        too_long = [rejection for rejection in incompatible if rejection[0].reason is Reason.TOO_LONG]
        others = [rejection for rejection in self._rejections if rejection[0].fault is not Fault.INCOMPATIBLE]
        if too_long and all(_lasts(rejected, now) for rejected, _ in others):
            others = []
        eligible = others or too_long or incompatible
        rejected, name = next((rejection for rejection in reversed(eligible) if rejection[0].reply), eligible[-1])
        # if the request itself fits nowhere, it does not help to ask again
        if not others:
            return GiveUp(rejected, name, None)
        failed = () if self._pinned and rejected.reply else self._failed(others, now)
        return GiveUp(rejected, name, self._first_return(now), failed)

    def _failed(self, rejections: Sequence[tuple[Rejected, str]], now: float) -> tuple[Failed, ...]:
        """Return the last rejection of each provider, and when its cooldown ends."""
        last = {name: rejected for rejected, name in rejections}
        asked = {health.name: (candidate.provider, health.cooldown_until) for candidate, health in self._candidates}
        return tuple(
            Failed(name, last[name], end if end is not None and end > now else None, key_place(provider))
            for name, (provider, end) in asked.items()
            if name in last
        )

    def _first_return(self, now: float) -> float | None:
        if self._pinned:
            return self._rejections[-1][0].until
        # the return of a provider that can't take this request changes nothing
        able = {name for rejected, name in self._rejections if rejected.fault is not Fault.INCOMPATIBLE}
        healths = [health for _, health in self._candidates if health.name in able]
        return min(
            (now if health.cooldown_until is None else health.cooldown_until for health in healths), default=None
        )


def _lasts(rejected: Rejected, now: float) -> bool:
    """Whether a provider is at a limit for longer than a client waits; if it names no time, it may be back at once."""
    if rejected.fault is not Fault.QUOTA or rejected.until is None:
        return rejected.reason in _LASTING
    return rejected.until - now > SOON
