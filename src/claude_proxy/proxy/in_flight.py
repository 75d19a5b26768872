"""The requests in flight: which provider each waits for, since when, what was tried, how much of the answer has come.

A request only sets a few fields while it is served; what is shown of it is worked out if somebody asks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Final

from claude_proxy.core.live_report import LiveRequest
from claude_proxy.core.recent_failovers import live_attempts
from claude_proxy.core.status_report import WaitingRequest
from claude_proxy.core.text import printable
from claude_proxy.core.types import MAX_MODEL_LENGTH, MAX_SESSION_LENGTH, Account

SHOWN_AFTER: Final = 10.0
"""Seconds of silence after which it is told by `status`: first tokens of a large model take some seconds."""

MAX_SHOWN: Final = 32

EVENT_LINES: Final = 3
EVENT_OVERHEAD: Final = 118
"""Bytes of an event of an answer besides its text: `event: content_block_delta`, `data: {"type":…,"delta":{…}}`."""
BYTES_PER_TOKEN: Final = 4
"""Of English text and code, about."""
LOOKED_AT: Final = 1024
"""Bytes of a block in which its lines are counted; in a longer one, the others are taken to be as long as these."""
RATED_AFTER: Final = 0.5
"""Seconds of an answer from which on its tokens a second are worth telling."""


@dataclass(slots=True, eq=False)
class Progress:
    """How far one request is."""

    account: Callable[[], Account]
    """Returns what its account would be if it ended now."""
    provider: str = ""
    """The provider that was asked last."""
    since: float | None = None
    """When it was asked, or said something last, by the monotonic clock; None if nothing is waited for."""
    then: Callable[[], str] = str
    """Returns the name of the provider that is asked next; empty if there is none."""
    lines: int = 0
    """About how many lines of the answer's stream have come."""
    size: int = 0
    """Their bytes."""
    number: int = 0

    def count(self, events: bytes) -> None:
        """Count what has come of an answer's stream. It is called for each block of events, so it reads none."""
        size = len(events)
        self.size += size
        if size <= LOOKED_AT:
            self.lines += events.count(b"\n")
        else:
            self.lines += events.count(b"\n", 0, LOOKED_AT) * size // LOOKED_AT

    @property
    def output_tokens(self) -> int:
        """About how many tokens have come: at least one an event, else by the bytes that are not the events' form."""
        events = self.lines // EVENT_LINES
        return max(events, (self.size - EVENT_OVERHEAD * events) // BYTES_PER_TOKEN)


class RequestsInFlight:
    """Each request is in it from its beginning to its end, in the order of their beginnings."""

    def __init__(self) -> None:
        self._all = dict[int, Progress]()
        self._last = 0

    def begin(self, progress: Progress) -> None:
        self._last = progress.number = self._last + 1
        self._all[progress.number] = progress

    def end(self, progress: Progress) -> None:
        self._all.pop(progress.number, None)

    def silent(self, now: float) -> tuple[WaitingRequest, ...]:
        """Return the requests whose provider is silent for long, the longest silence first; `now` is monotonic."""
        waits = [(now - progress.since, progress) for progress in self._all.values() if progress.since is not None]
        longest = sorted((wait for wait in waits if wait[0] >= SHOWN_AFTER), key=lambda wait: -wait[0])
        return tuple(
            WaitingRequest(progress.provider, seconds, progress.then(), _session(progress.account()))
            for seconds, progress in longest[:MAX_SHOWN]
        )

    def report(self, now: float) -> tuple[LiveRequest, ...]:
        """Return the oldest requests, as they are at `now`, by the monotonic clock."""
        return tuple(_live(progress, now) for progress in islice(self._all.values(), MAX_SHOWN))

    def __len__(self) -> int:
        return len(self._all)

    @property
    def begun(self) -> int:
        """How many have begun since the proxy started."""
        return self._last

    def __repr__(self) -> str:
        return f"<RequestsInFlight {len(self)}>"


def _live(progress: Progress, now: float) -> LiveRequest:
    account = progress.account()
    tokens, first = progress.output_tokens, account.first_byte_ms
    answered_for = 0.0 if first is None else (account.total_ms - first) / 1000
    return LiveRequest(
        number=progress.number,
        kind=account.kind,
        session=_session(account),
        request_class=account.hints.request_class,
        requested_model=printable(account.requested_model, MAX_MODEL_LENGTH),
        provider=progress.provider,
        model=printable(account.used_model, MAX_MODEL_LENGTH),
        started_at=account.started_at,
        seconds=account.total_ms / 1000,
        silent_seconds=None if progress.since is None else now - progress.since,
        then=progress.then(),
        first_byte_ms=first,
        output_tokens=tokens,
        tokens_per_second=tokens / answered_for if tokens and answered_for >= RATED_AFTER else None,
        attempts=live_attempts(account.attempts),
    )


def _session(account: Account) -> str:
    return printable(account.session, MAX_SESSION_LENGTH)
