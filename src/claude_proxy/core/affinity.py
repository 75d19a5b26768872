"""Who holds a session: the provider that took it over, and has its prompt in the cache, goes on answering it.

             the first choice failed, another answered
    (plain) ───────────────────────────────────────────► held by the other, in place of the first choice
       ▲                                                   │
       └───────────────────────────────────────────────────┘
         the first choice answered again: the other failed, or its cache had time to expire (or `immediate`)

A session is one of Claude Code's and one model: each model has a cache of its own. Where a single request has another
first choice (a web search goes to who can do that), it leaves the session where it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from claude_proxy.core.bounded import BoundedDict
from claude_proxy.core.headers import SESSION, find
from claude_proxy.core.types import MAX_MODEL_LENGTH, MAX_SESSION_LENGTH, Failback, Headers

CACHE_LIFETIME: Final = 300.0
"""Seconds without a request after which a prompt cache has expired: Anthropic's own five minutes."""

MAX_SESSIONS: Final = 4096
"""Sessions that are remembered, of those that were taken over: more than a machine has in a day."""

SessionKey: TypeAlias = tuple[bytes, str]
Who: TypeAlias = tuple[str, str]
"""A provider and its model, by their names."""


@dataclass(frozen=True, slots=True)
class _Hold:
    holder: Who
    at: float


def session_key(headers: Headers, model: str) -> SessionKey | None:
    """Return what a request's session is known by; None where it names none."""
    session = find(headers, SESSION)
    if not session or len(session) > MAX_SESSION_LENGTH or len(model) > MAX_MODEL_LENGTH:
        return None
    return session, model


class Sessions:
    """The sessions that another than their first choice holds. Times are seconds since the epoch."""

    __slots__ = ("_holds",)

    def __init__(self, most: int = MAX_SESSIONS) -> None:
        self._holds = BoundedDict[tuple[SessionKey, Who], _Hold](most)

    def holder(self, key: SessionKey | None, first_choice: Who, failback: Failback, now: float) -> Who | None:
        """Return who is to be asked before the first choice; None where that one is to be asked first."""
        hold = self._holds.get((key, first_choice)) if key and failback is not Failback.IMMEDIATE else None
        if hold is None:
            return None
        warm = 0 <= now - hold.at < CACHE_LIFETIME
        return hold.holder if warm or failback is Failback.NEVER else None

    def note(self, key: SessionKey | None, answered: Who, first_choice: Who, now: float) -> None:
        """Take who answers a session; asked again at the end of the answer, it refreshes the time."""
        if key is None:
            return
        if answered == first_choice:
            self._holds.pop((key, first_choice), None)
        else:
            self._holds[key, first_choice] = _Hold(answered, now)

    def __len__(self) -> int:
        return len(self._holds)
