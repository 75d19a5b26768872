"""Which providers are asked, and where."""

from __future__ import annotations

from typing import Any

import pytest

from claude_proxy.config.catalogue import catalogue
from claude_proxy.core.auth import Auth
from claude_proxy.core.quota.sources import IN_HEADERS, SOURCES, source_name, source_of
from claude_proxy.core.types import Origin, Provider
from core.builders import provider


def at(url: str, **changes: Any) -> Provider:
    scheme, _, rest = url.partition("://")
    return provider(base_url=url, origin=Origin(scheme, rest.partition("/")[0], 443), **changes)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("api.z.ai", "zai"),
        ("open.bigmodel.cn", "zai"),
        ("bigmodel.cn", "zai"),
        ("api.minimax.io", "minimax"),
        ("api.minimaxi.com", "minimax"),
        ("api.kimi.com", "kimi-code"),
        ("api.kimi.ai", "kimi-code"),
        ("api.deepseek.com", "deepseek"),
        ("api.moonshot.ai", "moonshot"),
        ("api.moonshot.cn", "moonshot-cn"),
        ("openrouter.ai", "openrouter"),
        ("api.novita.ai", "novita"),
        ("api.anthropic.com", IN_HEADERS),
        ("relay.example", ""),
        ("api.z.ai.evil.example", ""),
    ],
)
def test_a_provider_is_known_by_its_host(host: str, name: str) -> None:
    assert source_name(host, "") == name


def test_behind_a_relay_a_provider_is_known_by_its_entry() -> None:
    assert source_name("relay.example", "zhipu") == "zai"
    assert source_name("relay.example", "anthropic") == IN_HEADERS
    assert source_name("relay.example", "xiaomi") == ""


def test_the_host_says_more_than_the_entry() -> None:
    assert source_name("api.moonshot.cn", "moonshot") == "moonshot-cn"
    assert source_name("api.z.ai", "anthropic") == "zai"


def test_the_catalogue_has_each_entry_at_its_host_and_path() -> None:
    for source in SOURCES:
        for preset in source.presets:
            entry = catalogue().by_id(preset)
            assert entry is not None
            host, _, path = entry.base_url.removeprefix("https://").partition("/")
            assert host in source.hosts
            assert f"/{path}" == source.base_path


@pytest.mark.parametrize(
    ("url", "prefix"),
    [
        ("https://api.z.ai/api/anthropic", ""),
        ("https://api.z.ai/another/path", ""),
        ("https://relay.example/api/anthropic", ""),
        ("https://relay.example/zai/api/anthropic", "/zai"),
        ("https://relay.example/zai", None),
        ("https://relay.example", None),
    ],
)
def test_a_relay_is_asked_below_its_own_path(url: str, prefix: str | None) -> None:
    source = source_of(at(url, quota="zai"))
    assert source is not None
    assert source.prefix(at(url)) == prefix


@pytest.mark.parametrize("auth", [Auth.CLIENT, Auth.NONE])
def test_without_a_key_of_its_own_a_provider_is_not_asked(auth: Auth) -> None:
    assert source_of(provider(quota="zai", auth=auth)) is None
    assert source_of(provider(quota="zai", api_key="")) is None


@pytest.mark.parametrize("quota", ["", "off", IN_HEADERS])
def test_a_provider_that_tells_nothing_is_not_asked(quota: str) -> None:
    assert source_of(provider(quota=quota)) is None
