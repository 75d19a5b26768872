"""What a user's own command and desktop are told of, and how often.

Nothing in an event is a key, or anything of a conversation. `docs/events.md` says what each field means.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Final

import msgspec

from claude_proxy.core.budgets import BudgetNews, BudgetNotice
from claude_proxy.core.health import Health
from claude_proxy.core.local_time import clock_time
from claude_proxy.core.reasons import in_words
from claude_proxy.core.text import printable
from claude_proxy.core.types import MAX_MODEL_LENGTH, Account

SAME_EVERY: Final = 60.0
"""Seconds between two events of one kind about one provider, at least."""

MAX_IN_A_MINUTE: Final = 20
"""Events of all kinds: each starts a process."""

_MINUTE: Final = 60.0


class EventKind(enum.StrEnum):
    """What has happened."""

    FAILOVER = "failover"
    PROVIDER_OUT = "provider_out"
    PROVIDER_BACK = "provider_back"
    KEY_REFUSED = "key_refused"
    BUDGET = "budget"
    QUOTA_LOW = "quota_low"
    ANSWER_SAVED = "answer_saved"


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that has happened; in JSON, what does not apply is left out."""

    event: EventKind
    at: float
    text: str
    provider: str = ""
    next: str = ""
    reason: str = ""
    model: str = ""
    until: float | None = None
    percent: int | None = None

    def line(self) -> bytes:
        """Return it as one line of JSON."""
        return msgspec.json.encode(self) + b"\n"

    @property
    def subject(self) -> tuple[str, ...]:
        """What it is about: of two events about the same, one says enough. A budget or a quota is told of once."""
        said_once = self.event in {EventKind.BUDGET, EventKind.QUOTA_LOW}
        return self.event, self.provider, self.text if said_once else ""


class EventLimits:
    """Lets a few of many events pass. `now` is in seconds that never go back."""

    __slots__ = ("_last", "_passed")

    def __init__(self) -> None:
        self._last: dict[tuple[str, ...], float] = {}
        self._passed = deque[float](maxlen=MAX_IN_A_MINUTE)

    def admits(self, event: Event, now: float) -> bool:
        """Return whether to tell of an event, and take note that this is done."""
        if now - self._last.get(event.subject, -SAME_EVERY) < SAME_EVERY:
            return False
        if len(self._passed) == MAX_IN_A_MINUTE and now - self._passed[0] < _MINUTE:
            return False
        self._last = {subject: at for subject, at in self._last.items() if now - at < SAME_EVERY}
        self._last[event.subject] = now
        self._passed.append(now)
        return True


class Outages:
    """Which providers are out: in a cooldown that was told of, and of whose end nothing was told yet."""

    __slots__ = ("_healths", "_out")

    def __init__(self) -> None:
        self._healths: Mapping[str, Health] = {}
        self._out: dict[str, Health] = {}

    def follow(self, healths: Mapping[str, Health], now: float) -> None:
        """Watch these from now on. One that is new here is not told of: its cooldown has gone on from before."""
        for name, health in healths.items():
            if self._healths.get(name) is not health and _is_out(health, now):
                self._out[name] = health
        self._out = {name: health for name, health in self._out.items() if healths.get(name) is health}
        self._healths = healths

    def look(self, now: float, utc_offset: int) -> Iterator[Event]:
        """Yield what has changed since the last look."""
        for name, health in self._healths.items():
            if name not in self._out:
                if _is_out(health, now):
                    self._out[name] = health
                    yield _out(name, health, health.cooldown_until or now, now, utc_offset)
            elif _is_back(health, now):
                del self._out[name]
                yield Event(event=EventKind.PROVIDER_BACK, at=now, provider=name, text=f"{name} can be asked again")


def _is_out(health: Health, now: float) -> bool:
    return health.cooldown_until is not None and health.cooldown_until > now


def _is_back(health: Health, now: float) -> bool:
    """Whether it has answered, or was at a limit whose time is over; one that has failed must show that it answers."""
    return health.cooldown_until is None or (health.strikes == 0 and health.admits(now))


def _out(name: str, health: Health, until: float, now: float, utc_offset: int) -> Event:
    why = in_words(health.reason, health.status)
    words = f"{name} is in cooldown until {clock_time(until, now, utc_offset)}"
    return Event(
        event=EventKind.PROVIDER_OUT,
        at=now,
        provider=name,
        reason=health.label,
        until=until,
        text=f"{words} ({why})" if why else words,
    )


def failovers(account: Account, now: float) -> Iterable[Event]:
    """Return each failover of a request."""
    if len(account.attempts) < 2:
        return ()
    return [
        Event(
            event=EventKind.FAILOVER,
            at=now,
            provider=failed.provider,
            next=then.provider,
            reason=failed.outcome,
            model=printable(account.requested_model, MAX_MODEL_LENGTH),
            text=f"{failed.provider}: {in_words(failed.reason, failed.status, failed.credential) or 'broke off'}. "
            f"{then.provider} is asked",
        )
        for failed, then in pairwise(account.attempts)
        if failed.provider != then.provider
    ]


def answer_saved(account: Account, now: float) -> Event:
    """Return that the answer of a request broke off, and was carried to its end."""
    words = f"an answer broke off, and {account.provider or 'the proxy'} completed it"
    return Event(event=EventKind.ANSWER_SAVED, at=now, provider=account.provider, text=words)


def key_refused(provider: str, text: str, now: float) -> Event:
    """Return that a provider refuses its key."""
    return Event(event=EventKind.KEY_REFUSED, at=now, provider=provider, text=text)


def quota_low(provider: str, text: str, now: float) -> Event:
    """Return that little is left of a plan or a balance."""
    return Event(event=EventKind.QUOTA_LOW, at=now, provider=provider, text=text)


def of_budget(notice: BudgetNotice, now: float) -> Event | None:
    """Return that a budget is nearly, or wholly, used up."""
    percent = {BudgetNews.NEARLY_USED_UP: 80, BudgetNews.USED_UP: 100}.get(notice.news)
    if percent is None:
        return None
    whose = notice.budget.provider
    return Event(event=EventKind.BUDGET, at=now, provider=whose, percent=percent, until=notice.ends, text=notice.text)
