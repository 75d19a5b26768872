"""Session affinity: a provider that took a session over keeps answering it, since its prompt cache has the session.

             the first choice failed, another candidate answered
    (plain) ─────────────────────────────────────────────────────► taken over: that candidate is asked first
       ▲                                                             │
       └─────────────────────────────────────────────────────────────┘
         the first choice answered again: the other one failed, or its cache has expired (or failback is `immediate`)

A session is one of Claude Code's sessions with one model, since each model has a prompt cache of its own. A request
with another first choice (a web search goes to a provider that offers it) does not move its session.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from claude_proxy.core.bounded import BoundedDict
from claude_proxy.core.headers import SESSION, find
from claude_proxy.core.routing import CandidateKey
from claude_proxy.core.types import MAX_MODEL_LENGTH, MAX_SESSION_LENGTH, Failback, Headers

CACHE_LIFETIME: Final = 300.0
"""Seconds without a request after which a prompt cache has expired: Anthropic's own five minutes."""

MAX_SESSIONS: Final = 4096
"""Sessions to remember, of those that were taken over: more than one machine has in a day."""

SessionKey: TypeAlias = tuple[bytes, str]
"""Claude Code's id of the session, and the model."""


class _Takeover(msgspec.Struct, frozen=True, gc=False):
    """The candidate that took a session over; `at`: when it answered last."""

    candidate: CandidateKey
    at: float


def session_key(headers: Headers, model: str) -> SessionKey | None:
    """Return the key of a request's session; None if the request names no session."""
    session = find(headers, SESSION)
    if not session or len(session) > MAX_SESSION_LENGTH or len(model) > MAX_MODEL_LENGTH:
        return None
    return session, model


class Sessions:
    """The sessions that were taken over from their first choice. Times are seconds since the epoch."""

    __slots__ = ("_takeovers",)

    def __init__(self, limit: int = MAX_SESSIONS) -> None:
        self._takeovers = BoundedDict[tuple[SessionKey, CandidateKey], _Takeover](limit)

    def holder(
        self, key: SessionKey | None, first_choice: CandidateKey, failback: Failback, now: float
    ) -> CandidateKey | None:
        """Return the candidate to ask before the first choice; None if the first choice is to be asked first."""
        takeover = self._takeovers.get((key, first_choice)) if key and failback is not Failback.IMMEDIATE else None
        if takeover is None:
            return None
        warm = 0 <= now - takeover.at < CACHE_LIFETIME
        return takeover.candidate if warm or failback is Failback.NEVER else None

    def note(self, key: SessionKey | None, answered: CandidateKey, first_choice: CandidateKey, now: float) -> None:
        """Record which candidate answers a session. Called again at the end of the answer, it refreshes the time."""
        if key is None:
            return
        if answered == first_choice:
            self._takeovers.pop((key, first_choice), None)
        else:
            self._takeovers[key, first_choice] = _Takeover(answered, now)

    def __len__(self) -> int:
        return len(self._takeovers)
