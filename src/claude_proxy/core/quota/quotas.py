"""What is known of the quota of each account, and what follows from it.

    reading ─► a plan used up, its reset known  ─► cooldown until the reset, before a request fails
               free again                       ─► the end of that cooldown
               over 80 %, or a low balance      ─► a notice, once

Providers with one address and one key share an account: what one of them learns counts for all.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

import msgspec

from claude_proxy.core.bounded import BoundedDict
from claude_proxy.core.health import Health
from claude_proxy.core.quota.quota_report import (
    NOT_ASKED,
    NOT_TOLD,
    TURNED_OFF_BY_USER,
    QuotaReport,
    QuotaWindow,
)
from claude_proxy.core.quota.reading import NoQuota, Quota, Reading, without_odd_reset
from claude_proxy.core.quota.sources import IN_HEADERS, TURNED_OFF
from claude_proxy.core.types import Provider

MAX_AGE: Final = 3600.0
"""Seconds for which a window is shown whose reset is not known."""
MAX_WINDOWS: Final = 16
"""Windows of an account that are kept: no plan has as many, and each answer could name others."""
SAME_RESET: Final = 600.0
"""Seconds between two moments that name one reset: some providers count it from the moment of the answer."""

AccountKey: TypeAlias = tuple[str, str]
"""An address and a key."""


class NoticeKind(enum.Enum):
    """What a notice is about."""

    NEARLY_USED_UP = "nearly_used_up"
    USED_UP = "used_up"
    FREE_AGAIN = "free_again"
    BALANCE_LOW = "balance_low"


class QuotaNotice(msgspec.Struct, frozen=True, gc=False):
    """Something that the user should know of a provider, in words."""

    provider: str
    kind: NoticeKind
    text: str


@dataclass(slots=True)
class _Account:
    """What is known of an account, and what was said of it."""

    quota: Quota = field(default_factory=Quota)
    read_at: float | None = None
    unknown: str = ""
    said: BoundedDict[str, float | None] = field(default_factory=lambda: BoundedDict(4 * MAX_WINDOWS))
    """The windows that are nearly used up, by name, and their resets when that was said."""
    said_low: bool = False


def account_key(provider: Provider) -> AccountKey:
    """Return what tells the account of a provider from others."""
    return provider.base_url, provider.api_key


class Quotas:
    """The accounts of the providers in use. Times are seconds since the epoch."""

    __slots__ = ("_accounts", "_healths", "_providers", "_used_up")

    def __init__(self) -> None:
        self._providers: Sequence[Provider] = ()
        self._healths: Mapping[str, Health] = {}
        self._accounts: dict[AccountKey, _Account] = {}
        self._used_up: dict[str, QuotaWindow] = {}
        """For which window providers were put into cooldown, as it was then."""

    def follow(self, providers: Sequence[Provider], healths: Mapping[str, Health]) -> None:
        """Keep the accounts of these providers from now on; those that are not to be asked come out of cooldown."""
        followed = {account_key(provider) for provider in providers if provider.quota not in {"", TURNED_OFF}}
        self._accounts = {key: known for key, known in self._accounts.items() if key in followed}
        self._used_up = {name: until for name, until in self._used_up.items() if healths.get(name)}
        self._providers, self._healths = providers, healths
        for provider in providers:
            if provider.quota == TURNED_OFF:
                healths[provider.name].refill()

    def report(self, provider: Provider, now: float) -> QuotaReport | None:
        """Return what is known of a provider's quota; None if it never tells."""
        if not provider.quota:
            return None
        if provider.quota == TURNED_OFF:
            return QuotaReport(unknown=TURNED_OFF_BY_USER)
        known = self._accounts.get(account_key(provider))
        if known is None:
            return QuotaReport(unknown=NOT_TOLD if provider.quota == IN_HEADERS else NOT_ASKED)
        return QuotaReport(_valid(known, now), known.quota.balance, known.read_at, known.unknown)

    def take(self, provider: Provider, reading: Reading, now: float) -> list[QuotaNotice]:
        """Take what a provider said when it was asked; return what the user should know now."""
        known = self._known(provider)
        if isinstance(reading, NoQuota):
            known.unknown = reading.reason
            return []
        known.quota = replace(reading, windows=_believed(reading.windows, now)[:MAX_WINDOWS])
        known.read_at, known.unknown = now, _nothing_said(reading)
        return [*self._settle(provider, now), *_news(provider.name, known, now)]

    def take_from_answer(self, provider: Provider, quota: Quota, now: float, *, accepted: bool) -> list[QuotaNotice]:
        """Take what the head of an answer said. A window that it does not name stays known until its reset.

        If the answer is an error, what it means for the provider's health is judged with it.
        """
        known = self._known(provider)
        named = {window.name for window in quota.windows}
        others = [each for each in _valid(known, now) if each.name not in named and each.resets_at is not None]
        windows = (*_believed(quota.windows, now), *others)[:MAX_WINDOWS]
        known.quota, known.read_at, known.unknown = replace(quota, windows=windows), now, ""
        settled = self._settle(provider, now) if accepted else []
        return [*settled, *_news(provider.name, known, now)]

    def _known(self, provider: Provider) -> _Account:
        return self._accounts.setdefault(account_key(provider), _Account())

    def _settle(self, provider: Provider, now: float) -> list[QuotaNotice]:
        """Begin and end cooldowns of all providers that share an account."""
        key = account_key(provider)
        windows = _valid(self._accounts[key], now)
        blocking = [window for window in windows if window.blocks]
        resets = [window for window in blocking if window.resets_at is not None]
        notices = list[QuotaNotice | None]()
        for other in self._providers:
            if account_key(other) == key and (health := self._healths.get(other.name)):
                if resets:
                    notices.append(self._use_up(health, max(resets, key=lambda each: each.resets_at or 0.0), now))
                elif not blocking and any(not window.is_pace for window in windows):
                    notices.append(self._refill(health))
        return [notice for notice in notices if notice]

    def _use_up(self, health: Health, window: QuotaWindow, now: float) -> QuotaNotice | None:
        until, before = window.resets_at or now, self._used_up.get(health.name)
        if before and health.cooldown_until is None and abs(until - (before.resets_at or now)) < SAME_RESET:
            return None  # it has answered since, to a pinned request for example: the reading says less than that
        if before and before.name == window.name and health.is_used_up:
            return None  # a reset that moves on and on would keep it out for ever: at the first one, a request tries it
        if not health.use_up(now, until):
            return None
        self._used_up[health.name] = window
        words = f"its plan is used up ({window.name}): cooldown until the reset {_ahead(until - now)}"
        return QuotaNotice(health.name, NoticeKind.USED_UP, f"{health.name}: {words}")

    def _refill(self, health: Health) -> QuotaNotice | None:
        self._used_up.pop(health.name, None)
        if not health.refill():
            return None
        return QuotaNotice(
            health.name, NoticeKind.FREE_AGAIN, f"{health.name}: its plan is free again, the cooldown ends"
        )


def _believed(windows: Sequence[QuotaWindow], now: float) -> tuple[QuotaWindow, ...]:
    return tuple(without_odd_reset(window, now) for window in windows)


def _valid(known: _Account, now: float) -> tuple[QuotaWindow, ...]:
    """Return the windows that have not been reset since they were read."""
    is_new = known.read_at is not None and 0 <= now - known.read_at <= MAX_AGE
    return tuple(
        window for window in known.quota.windows if (is_new if window.resets_at is None else window.resets_at > now)
    )


def _nothing_said(quota: Quota) -> str:
    return "" if quota.windows or quota.balance else "its answer names no limit"


def _news(name: str, known: _Account, now: float) -> Iterator[QuotaNotice]:
    """Yield what has not been said yet: of each window once until its reset, of the balance until it is topped up."""
    for window in _valid(known, now):
        before = known.said.get(window.name, 0.0)
        if not window.is_nearly_used_up:
            known.said.pop(window.name, None)
        elif before is not None and before <= now:
            known.said[window.name] = window.resets_at
            if window.blocks and window.resets_at is not None:
                continue  # its cooldown is said
            reset = "" if window.resets_at is None else f". It is reset {_ahead(window.resets_at - now)}"
            text = f"{name}: {window.percent} % of its quota is used ({window.name}){reset}"
            yield QuotaNotice(name, NoticeKind.NEARLY_USED_UP, text)
    balance = known.quota.balance
    is_low = balance is not None and balance.is_low
    if balance is not None and is_low and not known.said_low:
        text = f"{name}: its balance is low: {balance.amount:.2f} {balance.currency}. Top up its account"
        yield QuotaNotice(name, NoticeKind.BALANCE_LOW, text)
    known.said_low = is_low


def _ahead(seconds: float) -> str:
    """Return a time ahead: `in 2 h 5 min`."""
    minutes = max(1, round(seconds / 60))
    days, hours = minutes // 1440, minutes % 1440 // 60
    if days:
        return f"in {days} d {hours} h"
    return f"in {hours} h {minutes % 60} min" if hours else f"in {minutes} min"
