"""Which requests wait for their provider now, and since when: a silent provider is named while it is silent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from claude_proxy.core.status_report import WaitingRequest

SHOWN_AFTER: Final = 10.0
"""Seconds of silence after which it is shown: first tokens of a large model take some seconds."""

MAX_SHOWN: Final = 32


@dataclass(slots=True, eq=False)
class Waiting:
    """One request, and the provider that it waits for."""

    session: str
    """The client's session id, or an empty text."""
    provider: str = ""
    since: float | None = None
    """When the provider was asked, or said something last, by the monotonic clock; None if nothing is waited for."""
    then: Callable[[], str] = str
    """Returns who is asked next; empty if there is nobody."""


class WaitingRequests:
    """The requests in flight; each is in it from its first attempt to its end."""

    def __init__(self) -> None:
        self._all: set[Waiting] = set()

    def begin(self, waiting: Waiting) -> None:
        self._all.add(waiting)

    def end(self, waiting: Waiting) -> None:
        self._all.discard(waiting)

    def silent(self, now: float) -> tuple[WaitingRequest, ...]:
        """Return the requests whose provider is silent for long, the longest silence first; `now` is monotonic."""
        waits = [(now - waiting.since, waiting) for waiting in self._all if waiting.since is not None]
        longest = sorted((wait for wait in waits if wait[0] >= SHOWN_AFTER), key=lambda wait: -wait[0])
        return tuple(
            WaitingRequest(waiting.provider, seconds, waiting.then(), waiting.session)
            for seconds, waiting in longest[:MAX_SHOWN]
        )
