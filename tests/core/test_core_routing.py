from __future__ import annotations

import pytest

from claude_proxy.core.model import Provider
from claude_proxy.core.routing import Candidate, NoSuchProvider, Route, route
from core.given import provider

MINIMAX, MOONSHOT = provider("minimax"), provider("moonshot")
BOTH = (MINIMAX, MOONSHOT)


def both(model: str) -> Route:
    return Route((Candidate(MINIMAX, model), Candidate(MOONSHOT, model)))


def alone(provider: Provider, model: str) -> Route:
    return Route((Candidate(provider, model),), pinned=True)


def test_without_a_pin_all_providers_are_candidates_in_their_order() -> None:
    assert route(BOTH, None, "claude-opus-5-5") == both("claude-opus-5-5")


@pytest.mark.parametrize("model", ["claude-opus-5-5", "vendor/model", "claude-proxy/moonshot"])
@pytest.mark.parametrize("pinned", BOTH)
def test_a_pin_in_the_path_leaves_one_candidate_and_the_name_of_the_model(pinned: Provider, model: str) -> None:
    assert route(BOTH, pinned.name, model) == alone(pinned, model)


@pytest.mark.parametrize("pin", [None, "minimax", "no such"])
@pytest.mark.parametrize("model", ["kimi-k3", "vendor/model"])
def test_a_models_name_can_pin_provider_and_model_and_counts_more_than_the_path(pin: str | None, model: str) -> None:
    assert route(BOTH, pin, f"claude-proxy/moonshot/{model}") == alone(MOONSHOT, model)


def test_a_name_that_only_looks_like_a_pin_goes_its_way() -> None:
    assert route(BOTH, None, "claude-proxy/moonshot") == both("claude-proxy/moonshot")
    assert route(BOTH, None, "my-claude-proxy/moonshot/x") == both("my-claude-proxy/moonshot/x")


@pytest.mark.parametrize(
    ("pin", "message"),
    [
        ("zai", "provider zai has no key: set ZAI_API_KEY in .env (providers that have one: minimax, moonshot)"),
        ("nobody", "no provider is named 'nobody'; there are: minimax, moonshot"),
        ("a\n" * 99, "no provider is named '" + r"a\n" * 32 + "'; there are: minimax, moonshot"),
    ],
)
def test_an_unknown_provider_is_answered_with_those_that_are_there(pin: str, message: str) -> None:
    assert route(BOTH, pin, "opus", {"zai": "ZAI_API_KEY"}) == NoSuchProvider(message)


def test_a_pin_in_the_models_name_is_checked_too() -> None:
    found = route(BOTH, None, "claude-proxy/nobody/kimi-k3")
    assert found == NoSuchProvider("no provider is named 'nobody'; there are: minimax, moonshot")
