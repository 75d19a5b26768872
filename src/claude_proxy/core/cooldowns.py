"""Cooldowns that outlast a restart of the proxy: whose they are, how long they last, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b

import msgspec

from claude_proxy.core.health import MAX_COOLDOWN, Health
from claude_proxy.core.reasons import Reason
from claude_proxy.core.types import Provider


class KeptCooldown(msgspec.Struct, frozen=True, gc=False):
    """One cooldown. `until` is in seconds since the epoch, `length` in seconds."""

    until: float
    length: float
    strikes: int
    reason: Reason | None
    status: int | None


class Cooldowns:
    """The cooldowns that go on, by a fingerprint of their provider: with another key it is another provider."""

    __slots__ = ("_kept", "changes")

    def __init__(self) -> None:
        self._kept: dict[str, KeptCooldown] = {}
        self.changes = 0
        """Grows with each change, so that the state file is written only if there is one."""

    def follow(self, providers: Iterable[Provider], healths: Mapping[str, Health], now: float) -> None:
        """Take over the cooldowns as they are now."""
        kept = {
            fingerprint(provider): _kept(health)
            for provider in providers
            if (health := healths[provider.name]).cooldown_until is not None and health.cooldown_until > now
        }
        if kept != self._kept:
            self._kept = kept
            self.changes += 1

    def restore(self, digest: str, kept: KeptCooldown, now: float) -> None:
        """Add an entry from the state file, unless it is over, or no proxy can have written it."""
        if now < kept.until <= now + min(kept.length, MAX_COOLDOWN) and kept.strikes >= 0:
            self._kept[digest] = kept

    def take_up(self, provider: Provider, health: Health) -> None:
        """Go on with the cooldown that a provider was in."""
        if kept := self._kept.get(fingerprint(provider)):
            health.resume(kept.until, kept.length, kept.strikes, kept.reason, kept.status)

    def entries(self) -> list[tuple[str, KeptCooldown]]:
        """Return what is kept, for the state file."""
        return list(self._kept.items())


def fingerprint(provider: Provider) -> str:
    """Return what identifies a provider and its key, from which the key can't be found out: 16 hexadecimal digits."""
    credential = provider.credential
    words = (provider.name, str(credential.upstream), credential.auth.value, credential.key)
    return blake2b("\0".join(words).encode(), digest_size=8).hexdigest()


def _kept(health: Health) -> KeptCooldown:
    until = health.cooldown_until or 0.0
    return KeptCooldown(until, health.cooldown_length, health.strikes, health.reason, health.status)
