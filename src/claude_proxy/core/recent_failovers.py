"""The last requests that one provider failed and another was asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from claude_proxy.core.live_report import LiveAttempt, LiveFailover
from claude_proxy.core.reasons import in_words
from claude_proxy.core.text import printable
from claude_proxy.core.types import MAX_MODEL_LENGTH, MAX_SESSION_LENGTH, Account, Attempt

MAX_KEPT: Final = 50
MAX_ATTEMPTS: Final = 16
"""Of one request, that are shown; more only come from a long list of providers that all fail."""


class RecentFailovers:
    """Keeps the newest of them; each is a request that is over."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept = deque[LiveFailover](maxlen=MAX_KEPT)

    def take(self, account: Account) -> None:
        """Keep a request if more than one provider was asked."""
        if len(account.attempts) > 1 and failovers_of(account.attempts):
            self._kept.append(_failover(account))

    def newest(self) -> tuple[LiveFailover, ...]:
        """Return all that are kept; the newest is last."""
        return tuple(self._kept)

    def __repr__(self) -> str:
        return f"<RecentFailovers {len(self._kept)} of {MAX_KEPT}>"


def failovers_of(attempts: Iterable[Attempt]) -> int:
    """Return how often another provider was asked."""
    return sum(before.provider != after.provider for before, after in pairwise(attempts))


def live_attempts(attempts: Iterable[Attempt]) -> tuple[LiveAttempt, ...]:
    """Return how attempts are shown."""
    return tuple(
        LiveAttempt(
            attempt.provider,
            attempt.outcome,
            in_words(attempt.reason, attempt.status, attempt.credential),
            attempt.milliseconds,
        )
        for attempt in attempts
    )[:MAX_ATTEMPTS]


def _failover(account: Account) -> LiveFailover:
    first = account.attempts[0]
    return LiveFailover(
        at=account.started_at + (first.started_ms + first.milliseconds) / 1000,
        session=printable(account.session, MAX_SESSION_LENGTH),
        requested_model=printable(account.requested_model, MAX_MODEL_LENGTH),
        attempts=live_attempts(account.attempts),
        provider=account.provider,
        ending=account.ending.value,
    )
