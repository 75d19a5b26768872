from __future__ import annotations

import pytest

from claude_proxy.core.cooldowns import Cooldowns, KeptCooldown, fingerprint
from claude_proxy.core.health import MAX_COOLDOWN, Health, State
from claude_proxy.core.reasons import Reason
from core.builders import NOW, provider

PROVIDER = provider()
KEPT = KeptCooldown(NOW + 60, 120.0, 2, Reason.PLAN_LIMIT, 429)


def struck() -> Health:
    health = Health("minimax", 1800)
    permit = health.admit(NOW)
    assert permit
    health.rate_limited(permit, NOW, Reason.PLAN_LIMIT, 429, NOW + 60)
    return health


def test_a_cooldown_is_taken_up_by_the_same_provider_with_the_same_key() -> None:
    cooldowns = Cooldowns()
    cooldowns.follow([PROVIDER], {"minimax": struck()}, NOW)
    again, rekeyed = Health("minimax", 1800), Health("minimax", 1800)
    cooldowns.take_up(provider(), again)
    cooldowns.take_up(provider(api_key="sk-another"), rekeyed)
    assert (again.state(NOW), again.cooldown_until, again.label) == (State.COOLDOWN, NOW + 60, "plan_limit")
    assert again.admit(NOW + 30) is None
    assert again.admit(NOW + 61) is not None
    assert rekeyed.state(NOW) is State.READY


def test_only_a_change_counts_as_one() -> None:
    cooldowns, healths = Cooldowns(), {"minimax": struck()}
    for _ in range(3):
        cooldowns.follow([PROVIDER], healths, NOW)
    assert cooldowns.changes == 1
    cooldowns.follow([PROVIDER], healths, NOW + 61)
    assert (cooldowns.changes, cooldowns.entries()) == (2, [])


@pytest.mark.parametrize(
    ("kept", "valid"),
    [
        (KEPT, True),
        (KeptCooldown(NOW, 120.0, 1, None, None), False),
        (KeptCooldown(NOW + 130, 120.0, 1, None, None), False),
        (KeptCooldown(NOW + MAX_COOLDOWN + 1, 1e12, 1, None, None), False),
        (KeptCooldown(NOW + 60, 120.0, -1, None, None), False),
        (KeptCooldown(float("nan"), 120.0, 1, None, None), False),
    ],
)
def test_what_no_proxy_wrote_or_is_over_is_not_restored(kept: KeptCooldown, *, valid: bool) -> None:
    cooldowns = Cooldowns()
    cooldowns.restore(fingerprint(PROVIDER), kept, NOW)
    assert bool(cooldowns.entries()) is valid


def test_a_fingerprint_does_not_hold_the_key() -> None:
    assert "minimax" not in fingerprint(PROVIDER)
    assert len(fingerprint(PROVIDER)) == 16
