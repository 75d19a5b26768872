"""Which configured providers share an upstream: those with one address and the same models."""

from __future__ import annotations

from typing import Any

import pytest

from claude_proxy.config.load import load
from config.folder import Folder

RELAY = "http://127.0.0.1:4000"
SAME_MODELS = {"opus": "big", "default": "small"}


def upstreams(home: Folder, *entries: dict[str, Any]) -> list[str]:
    """Return the upstream of each provider."""
    home.write(
        {"providers": [{"name": f"p{n}", "api_key_env": f"KEY_{n}", **entry} for n, entry in enumerate(entries)]}
    )
    config = load(home.path, {f"KEY_{n}": f"sk-{n}" for n in range(len(entries))})
    return [provider.upstream for provider in config.providers]


def test_two_keys_for_one_address_share_its_upstream(home: Folder) -> None:
    entry = {"base_url": RELAY, "models": SAME_MODELS}
    assert upstreams(home, entry, {**entry, "base_url": f"{RELAY.upper().replace('HTTP', 'http')}/"}) == [RELAY, RELAY]


@pytest.mark.parametrize("other", [{"models": {"default": "another"}}, {}], ids=["other models", "no models"])
def test_other_models_at_one_address_are_an_upstream_each(home: Folder, other: dict[str, Any]) -> None:
    first, second = upstreams(home, {"base_url": RELAY, "models": SAME_MODELS}, {"base_url": RELAY, **other})
    assert (first, second) == (f"{RELAY}#p0", f"{RELAY}#p1")


def test_other_models_at_another_address_change_nothing(home: Folder) -> None:
    other = {"base_url": "http://127.0.0.1:5000", "models": {"default": "another"}}
    assert upstreams(home, {"base_url": RELAY, "models": SAME_MODELS}, other) == [RELAY, other["base_url"]]
