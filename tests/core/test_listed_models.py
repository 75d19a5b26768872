from __future__ import annotations

import json
from types import MappingProxyType

import pytest

from claude_proxy.core.listed_models import CLAUDE_MODELS, listed_models, one_model
from claude_proxy.core.routing import Route, RouteEntry, Routes, route
from core.builders import provider

KIMI = provider("moonshot", models=MappingProxyType({"opus": "kimi-k3"}), own_models=("kimi-k3", "kimi-k2.6"))
BOTH = (provider("minimax"), KIMI)


def test_the_list_has_the_form_of_the_api() -> None:
    page = json.loads(listed_models(BOTH))
    ids = [model["id"] for model in page["data"]]
    assert ids == [*CLAUDE_MODELS, "claude-proxy/moonshot/kimi-k3", "claude-proxy/moonshot/kimi-k2.6"]
    assert (page["first_id"], page["last_id"], page["has_more"]) == (ids[0], ids[-1], False)
    assert page["data"][-1] == {
        "type": "model",
        "id": "claude-proxy/moonshot/kimi-k2.6",
        "display_name": "kimi-k2.6 (moonshot)",
        "description": "moonshot alone, no failover",
        "created_at": "2026-11-22T00:00:00Z",
    }


def test_a_tier_is_described_by_its_models_and_their_providers() -> None:
    opus = json.loads(listed_models(BOTH))["data"][0]
    assert opus["display_name"] == "Claude Opus 5.5"
    assert opus["description"] == "claude-opus-5-5 at minimax, then kimi-k3 at moonshot"


def test_every_id_is_shown_by_the_picker_and_can_be_routed() -> None:
    for model in json.loads(listed_models(BOTH))["data"]:
        assert "claude" in model["id"]
        result = route(BOTH, None, model["id"])
        assert isinstance(result, Route)
        assert result.pinned is (model["id"] not in CLAUDE_MODELS)


def test_the_descriptions_follow_the_users_routes() -> None:
    tiers = MappingProxyType({"opus": (RouteEntry("moonshot", "kimi-k2.6"), RouteEntry("minimax"))})
    routes = Routes(tiers, long_context=(RouteEntry("moonshot"),), long_context_tokens=300_000)
    opus, sonnet = json.loads(listed_models(BOTH, routes))["data"][:2]
    assert opus["description"] == (
        "kimi-k2.6 at moonshot, then claude-opus-5-5 at minimax; over 300000 tokens kimi-k3 at moonshot"
    )
    assert sonnet["description"].startswith("claude-sonnet-5-5 at minimax, then")


@pytest.mark.parametrize(
    ("pin", "model", "description"),
    [
        (None, "claude-opus-5-5", "claude-opus-5-5 at minimax, then kimi-k3 at moonshot"),
        (None, "claude-nova-7[1m]", "claude-nova-7 at minimax, then kimi-k3 at moonshot"),
        (None, "kimi-k2.6", "kimi-k2.6 at minimax, then kimi-k2.6 at moonshot"),
        (None, "claude-proxy/moonshot/kimi-k3", "moonshot alone, no failover"),
        (None, "claude-proxy/minimax/anything", "minimax alone, no failover"),
        ("moonshot", "kimi-k3", "moonshot alone, no failover"),
        ("moonshot", "claude-opus-5-5", "moonshot alone, no failover"),
    ],
)
def test_one_model_is_told_under_the_name_that_is_asked_for(pin: str | None, model: str, description: str) -> None:
    entry = json.loads(one_model(BOTH, pin, model) or b"")
    assert (entry["id"], entry["description"]) == (model, description)


@pytest.mark.parametrize(
    ("pin", "model"),
    [
        *((None, "gpt-9"), (None, "claude-proxy/moonshot/gpt-9"), (None, "claude-proxy/gone/kimi-k3")),
        *(("gone", "kimi-k3"), ("minimax", "kimi-k3")),
    ],
)
def test_a_model_that_no_request_can_use_is_none(pin: str | None, model: str) -> None:
    assert one_model(BOTH, pin, model) is None
