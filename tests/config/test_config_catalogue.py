"""The catalogue that is shipped holds together."""

from __future__ import annotations

import datetime as dt

import pytest

from claude_proxy.config.address import Address, parse_base_url
from claude_proxy.config.catalogue import Entry, catalogue
from claude_proxy.config.variables import is_variable
from claude_proxy.core.model import TIERS


def test_it_holds_the_known_providers_as_of_a_day() -> None:
    assert catalogue().ids == ("minimax", "minimax-cn", "moonshot", "moonshot-cn", "zai", "deepseek", "anthropic")
    assert dt.date.fromisoformat(catalogue().as_of) >= dt.date(2026, 11, 22)


@pytest.mark.parametrize("entry", catalogue().providers, ids=lambda entry: entry.id)
def test_each_entry_can_be_used_as_it_stands(entry: Entry) -> None:
    address = parse_base_url(entry.base_url)
    assert isinstance(address, Address)
    assert (str(address), address.origin.scheme) == (entry.base_url, "https")
    assert catalogue().by_address(address) is entry
    assert catalogue().by_id(entry.id) is entry
    assert is_variable(entry.api_key_env)
    assert entry.auth.preferred in entry.auth.accepted
    if entry.tiers is not None:
        assert set(entry.tiers) == set(TIERS)
        assert set(entry.tiers.values()) <= set(entry.models)


def test_it_is_read_once() -> None:
    assert catalogue() is catalogue()
