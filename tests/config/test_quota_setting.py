"""Which providers are asked for their quota, by the configuration."""

from __future__ import annotations

from typing import Any

import pytest

from config.folder import Folder

ZAI = {"preset": "zai"}
LOGIN = {"preset": "anthropic", "auth": "client"}


def quotas(home: Folder, *providers: dict[str, Any], **settings: Any) -> list[str]:
    config = home.loads(
        {"providers": list(providers), **settings}, environ={"ZAI_API_KEY": "sk-z", "RELAY_KEY": "sk-r"}
    )
    return [provider.quota for provider in config.providers]


@pytest.mark.parametrize(
    ("provider", "quota"),
    [
        (ZAI, "zai"),
        ({**ZAI, "name": "work"}, "zai"),
        ({**ZAI, "base_url": "https://relay.example/api/anthropic"}, "zai"),
        (
            {"name": "x", "base_url": "https://api.kimi.ai/coding", "api_key_env": "RELAY_KEY", "models": {}},
            "kimi-code",
        ),
        ({"name": "x", "base_url": "https://relay.example", "api_key_env": "RELAY_KEY", "models": {}}, ""),
        (LOGIN, "anthropic"),
        ({**LOGIN, "base_url": "https://relay.example"}, "anthropic"),
        ({"name": "x", "base_url": "http://127.0.0.1:1", "auth": "none", "models": {}}, ""),
        ({**ZAI, "auth": "none"}, ""),
    ],
)
def test_a_provider_is_known_by_its_host_or_its_preset(home: Folder, provider: dict[str, Any], quota: str) -> None:
    assert quotas(home, provider) == [quota]


def test_it_can_be_turned_off_for_all_and_for_one(home: Folder) -> None:
    assert quotas(home, ZAI, LOGIN, quota=False) == ["off", "off"]
    assert quotas(home, {**ZAI, "quota": False}, LOGIN) == ["off", "anthropic"]
    assert quotas(home, {**ZAI, "quota": True}, LOGIN, quota=False) == ["zai", "off"]


def test_a_provider_that_tells_nothing_is_not_turned_off(home: Folder) -> None:
    relay = {"name": "x", "base_url": "https://relay.example", "api_key_env": "RELAY_KEY", "models": {}}
    assert quotas(home, relay, quota=False) == [""]
