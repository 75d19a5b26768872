from __future__ import annotations

from types import MappingProxyType

import pytest

from claude_proxy.core.adapt import adapt
from claude_proxy.core.routing import model_for
from claude_proxy.core.traits import Kind, Rule
from core.builders import candidate, provider, request

TIERED = MappingProxyType({"opus": "k3-max", "haiku": "k3-mini", "default": "k3"})
KIMI = provider("moonshot", models=TIERED, own_models=("kimi-k3", "claude-haiku-k3", "claude-sonnet-k3"))


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("claude-opus-5-5", "k3-max"),
        ("claude-opus-5-5[1M]", "k3-max"),
        ("claude-sonnet-5-5", "k3"),
        ("gpt-9", "k3"),
        ("kimi-k3", "kimi-k3"),
        ("kimi-k3[1m]", "kimi-k3"),
        ("kimi-k3[1M]", "kimi-k3"),
        ("claude-haiku-k3", "k3-mini"),
        ("claude-sonnet-k3", "claude-sonnet-k3"),
    ],
)
def test_maps_a_model_by_its_tier_unless_it_is_the_providers_own(model: str, name: str) -> None:
    assert model_for(KIMI, model) == name


@pytest.mark.parametrize(
    ("model", "name"), [("claude-opus-5-5", "claude-opus-5-5"), ("x[1M]", "x"), ("[1m]x", "[1m]x")]
)
def test_passes_a_name_through_without_a_mapping(model: str, name: str) -> None:
    assert model_for(provider(), model) == name


def test_does_not_touch_a_body_with_the_right_model() -> None:
    sent = request(b'{"model": "kimi-k3" }')
    adapted = adapt(sent, candidate(KIMI, "kimi-k3"))
    assert adapted.body is sent.body
    assert adapted.model == "kimi-k3"


def test_writes_another_model_and_a_length_that_fits() -> None:
    sent = request(b'{ "max_tokens":1, "model": "claude-opus-5-5" ,"messages":[]}')
    adapted = adapt(sent, candidate(KIMI, "k3-max"))
    assert adapted.body == b'{ "max_tokens":1, "model": "k3-max" ,"messages":[]}'
    assert adapted.model == "k3-max"
    assert b"\r\ncontent-length: %d\r\n" % len(adapted.body) in adapted.head


def test_writes_a_models_name_as_json() -> None:
    sent = request(b'{"model":"claude-proxy/moonshot/claude-opus \\"x\\""}')
    adapted = adapt(sent, candidate(KIMI, 'claude-opus "x"'))
    assert adapted.body == b'{"model":"claude-opus \\"x\\""}'


@pytest.mark.parametrize(
    ("base_url", "query", "line"),
    [
        ("https://host/anthropic", b"", b"POST /anthropic/v1/messages HTTP/1.1\r\n"),
        ("https://host/a/b", b"beta=true", b"POST /a/b/v1/messages?beta=true HTTP/1.1\r\n"),
        ("http://host:8080", b"", b"POST /v1/messages HTTP/1.1\r\n"),
    ],
)
def test_sends_the_request_to_the_path_of_the_base_url(base_url: str, query: bytes, line: bytes) -> None:
    sent = request(b'{"model":"opus"}', ((b"anthropic-version", b"2023-06-01"),), query)
    head = adapt(sent, candidate(provider(base_url=base_url), "opus")).head
    assert head.startswith(line)
    assert head.endswith(b"\r\nanthropic-version: 2023-06-01\r\n\r\n")


def test_its_repr_shows_neither_key_nor_content() -> None:
    adapted = adapt(request(b'{"model":"opus"}'), candidate(model="opus"))
    assert repr(adapted) == "<Adapted for opus, 16 bytes, changes: none>"


def test_learned_rules_count_like_those_of_the_catalogue() -> None:
    rule = Rule(Kind.FIELD, "temperature")
    result = adapt(request(b'{"model":"claude-opus-5-5","temperature":1}'), candidate(), [rule])
    assert (result.body, result.changes) == (b'{"model":"claude-opus-5-5"}', (str(rule),))
