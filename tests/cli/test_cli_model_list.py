"""Where a provider's list of models is asked for, and with which header."""

from __future__ import annotations

import pytest

from claude_proxy.cli.providers.model_list import request_for, url_of
from claude_proxy.config.catalogue import catalogue
from claude_proxy.config.load import survey


def made(preset: str, base_url: str = "") -> tuple[str, bytes]:
    """Return where a preset's models are listed, and the head of the request for them."""
    element = f'{{"preset": "{preset}"{f", {base_url}" if base_url else ""}}}'
    entry = catalogue().by_id(preset)
    assert entry
    (one,) = survey(f'{{"providers": [{element}]}}', "", {entry.api_key_env: "k-some"}).providers
    url = url_of(one.provider, one.entry)
    return url, request_for(one.provider, url).head


@pytest.mark.parametrize(
    ("preset", "url", "header"),
    [
        ("anthropic", "https://api.anthropic.com/v1/models", b"x-api-key: k-some"),
        ("minimax", "https://api.minimax.io/anthropic/v1/models", b"authorization: Bearer k-some"),
        ("kimi-code", "https://api.kimi.com/coding/v1/models", b"x-api-key: k-some"),
        ("zai", "https://api.z.ai/api/paas/v4/models", b"authorization: Bearer k-some"),
        ("deepseek", "https://api.deepseek.com/models", b"authorization: Bearer k-some"),
        ("zenmux", "https://zenmux.ai/api/anthropic/v1/models", b"authorization: Bearer k-some"),
    ],
)
def test_the_catalogue_says_where_the_list_is(preset: str, url: str, header: bytes) -> None:
    found, head = made(preset)
    assert found == url
    assert header + b"\r\n" in head
    target = url.split("://", 1)[1].partition("/")[2]
    assert head.startswith(f"GET /{target}".encode())


def test_requests_all_of_anthropics_models_at_once() -> None:
    _, head = made("anthropic")
    assert head.startswith(b"GET /v1/models?limit=1000 HTTP/1.1\r\n")


def test_another_host_than_the_providers_own_gets_no_key() -> None:
    url, _ = made("zai", '"base_url": "https://relay.example/glm"')
    assert url == "https://relay.example/glm/v1/models"
