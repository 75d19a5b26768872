from __future__ import annotations

from types import MappingProxyType

import pytest

from claude_proxy.core.routing import Candidate, NoSuchProvider, Route, RouteEntry, Routes, model_for, route
from claude_proxy.core.traits import ModelFacts
from claude_proxy.core.types import Provider
from core.builders import provider

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
def test_a_pin_in_the_path_leaves_one_candidate_and_keeps_the_model(pinned: Provider, model: str) -> None:
    assert route(BOTH, pinned.name, model) == alone(pinned, model)


@pytest.mark.parametrize("pin", [None, "minimax", "no such"])
@pytest.mark.parametrize("model", ["kimi-k3", "vendor/model"])
def test_a_pin_in_the_model_name_wins_over_the_path(pin: str | None, model: str) -> None:
    assert route(BOTH, pin, f"claude-proxy/moonshot/{model}") == alone(MOONSHOT, model)


def test_a_model_name_that_only_looks_like_a_pin_pins_nothing() -> None:
    assert route(BOTH, None, "claude-proxy/moonshot") == both("claude-proxy/moonshot")
    assert route(BOTH, None, "my-claude-proxy/moonshot/x") == both("my-claude-proxy/moonshot/x")


@pytest.mark.parametrize(
    ("pin", "message"),
    [
        ("zai", "provider zai has no key: set ZAI_API_KEY in .env (providers that have one: minimax, moonshot)"),
        ("nobody", "no provider is named 'nobody'. Choose one of: minimax, moonshot"),
        ("a\n" * 99, "no provider is named '" + r"a\n" * 32 + "'. Choose one of: minimax, moonshot"),
    ],
)
def test_a_pin_to_an_unknown_provider_lists_the_existing_ones(pin: str, message: str) -> None:
    assert route(BOTH, pin, "opus", {"zai": "ZAI_API_KEY"}) == NoSuchProvider(message)


def test_a_pin_in_the_model_name_to_an_unknown_provider_is_an_error() -> None:
    result = route(BOTH, None, "claude-proxy/nobody/kimi-k3")
    assert result == NoSuchProvider("no provider is named 'nobody'. Choose one of: minimax, moonshot")


# The user's own routes


KIMI = provider("moonshot", models=MappingProxyType({"opus": "kimi-k3", "haiku": "kimi-k2.6"}))
ALL = (MINIMAX, KIMI, provider("zai"))


def routes(**by_tier: tuple[RouteEntry, ...]) -> Routes:
    return Routes(by_tier=MappingProxyType(by_tier))


def routed(users: Routes, model: str = "claude-opus-5-5", *, long: bool = False) -> tuple[str, list[tuple[str, str]]]:
    result = route(ALL, None, model, None, users, lambda *_: long)
    assert isinstance(result, Route)
    return result.name, [candidate.key for candidate in result.candidates]


def test_a_tier_can_have_a_route() -> None:
    users = routes(opus=(RouteEntry("zai", "glm-5.3"), RouteEntry("moonshot")), default=(RouteEntry("minimax"),))
    assert routed(users) == ("opus", [("zai", "glm-5.3"), ("moonshot", "kimi-k3")])
    assert routed(users, "some-model") == ("default", [("minimax", "some-model")])
    assert routed(users, "claude-haiku-5-5")[0] == ""
    assert [name for name, _ in routed(users, "claude-haiku-5-5")[1]] == ["minimax", "moonshot", "zai"]


@pytest.mark.parametrize(
    ("models", "model", "own"),
    [
        ({"opus": "big", "haiku": "small", "default": "other"}, "claude-nova-7", "other"),
        ({"opus": "big", "haiku": "small"}, "claude-nova-7[1m]", "big"),
        ({"opus": "big", "fable": "best"}, "claude-mythos-5", "best"),
        ({"opus": "big", "haiku": "small"}, "claude-mythos-5", "big"),
        ({"opus": "big", "haiku": "small", "default": "other"}, "claude-mythos-5", "other"),
        ({"opus": "big"}, "claude-haiku-5-5", "claude-haiku-5-5"),
        ({"opus": "big"}, "claude-own-1", "claude-own-1"),
        ({"opus": "big"}, "gpt-9", "gpt-9"),
        ({}, "claude-nova-7", "claude-nova-7"),
    ],
)
def test_an_unknown_family_is_asked_for_as_default_or_as_the_most_able(
    models: dict[str, str], model: str, own: str
) -> None:
    asked = provider("zai", models=MappingProxyType(models), own_models=("claude-own-1",))
    assert model_for(asked, model) == own


@pytest.mark.parametrize(
    ("tiers", "name"),
    [
        (("opus", "default"), "default"),
        (("opus", "haiku"), "opus"),
        (("opus", "fable"), "fable"),
        (("haiku", "sonnet"), ""),
        ((), ""),
    ],
)
def test_an_unknown_family_has_the_default_route_or_that_of_the_most_able(tiers: tuple[str, ...], name: str) -> None:
    users = routes(**dict.fromkeys(tiers, (RouteEntry("zai"),)))
    assert routed(users, "claude-nova-7")[0] == name
    assert routed(users, "gpt-9")[0] == ("default" if "default" in tiers else "")


def test_a_route_can_name_a_provider_with_several_models_each_once() -> None:
    users = routes(
        opus=(RouteEntry("moonshot"), RouteEntry("moonshot", "kimi-k2.6"), RouteEntry("moonshot", "kimi-k3"))
    )
    assert routed(users)[1] == [("moonshot", "kimi-k3"), ("moonshot", "kimi-k2.6")]


def test_skips_providers_that_do_not_exist_and_routes_without_any_other() -> None:
    assert routed(routes(opus=(RouteEntry("gone"), RouteEntry("zai", "glm-5.3"))))[1] == [("zai", "glm-5.3")]
    assert routed(routes(opus=(RouteEntry("gone"),))) == routed(Routes())


def test_the_route_for_long_contexts_wins_over_those_for_tiers() -> None:
    tiers = MappingProxyType({"opus": (RouteEntry("zai", "glm-5.3"),)})
    users = Routes(tiers, long_context=(RouteEntry("moonshot"),), long_context_tokens=1000)
    assert routed(users, long=True) == ("long_context", [("moonshot", "kimi-k3")])
    assert routed(users)[0] == "opus"
    assert routed(Routes(tiers, long_context=(RouteEntry("gone"),)), long=True)[0] == "opus"


def test_measures_a_long_context_as_the_first_candidate_otherwise_would() -> None:
    measured = list[tuple[str, int]]()

    def exceeds(candidate: Candidate, limit: int) -> bool:
        measured.append((candidate.provider.name, limit))
        return False

    users = Routes(MappingProxyType({"opus": (RouteEntry("zai"),)}), (RouteEntry("moonshot"),), 1000)
    route(ALL, None, "claude-opus-5-5", None, users, exceeds)
    assert measured == [("zai", 1000)]
    route(ALL, None, "claude-opus-5-5", None, Routes(), exceeds)
    assert len(measured) == 1


@pytest.mark.parametrize("model", ["claude-opus-5-5", "claude-proxy/minimax/M3"])
def test_a_pin_wins_over_every_route(model: str) -> None:
    users = routes(opus=(RouteEntry("moonshot"),))
    result = route(ALL, "minimax", model, None, users, lambda *_: True)
    assert isinstance(result, Route)
    assert (result.pinned, result.candidates[0].provider) == (True, MINIMAX)


@pytest.mark.parametrize(
    ("model", "context"),
    [
        ("claude-haiku-4-5", 200_000),
        ("claude-haiku-4-5-20251001", 200_000),
        ("claude-opus-5-20260101", 7),
        ("claude-haiku-4-5-2025100", None),
        ("claude-haiku-4-5-latest12", None),
        ("claude-haiku-4", None),
        ("20251001", None),
        ("", None),
    ],
)
def test_facts_of_a_model_hold_for_its_dated_name(model: str, context: int | None) -> None:
    facts = {
        "claude-haiku-4-5": ModelFacts(context=200_000),
        "claude-opus-5": ModelFacts(context=5),
        "claude-opus-5-20260101": ModelFacts(context=7),
    }
    assert Candidate(provider(facts=MappingProxyType(facts)), model).facts.context == context


def by_class(users: Routes, made_for: str, *, long: bool = False) -> tuple[str, list[tuple[str, str]]]:
    result = route(WINDOWS, None, "claude-opus-5-5", None, users, lambda *_: long, request_class=made_for)
    assert isinstance(result, Route)
    return result.name, [candidate.key for candidate in result.candidates]


WINDOWS = (*ALL, provider("small", facts=MappingProxyType({"flash": ModelFacts(context=128_000)})))
CLASSES = Routes(
    MappingProxyType({"opus": (RouteEntry("zai", "glm-5.3"),)}),
    long_context=(RouteEntry("moonshot"),),
    by_class=MappingProxyType(
        {"compaction": (RouteEntry("minimax", "M3"),), "subagent": (RouteEntry("small", "flash"),)}
    ),
)


def test_a_class_can_have_a_route_and_wins_over_tier_and_length() -> None:
    assert by_class(CLASSES, "compaction") == ("compaction", [("minimax", "M3")])
    assert by_class(CLASSES, "compaction", long=True) == ("compaction", [("minimax", "M3")])
    assert by_class(CLASSES, "subagent") == ("subagent", [("small", "flash")])


def test_a_class_without_a_route_is_routed_as_any_request() -> None:
    assert by_class(CLASSES, "auxiliary") == by_class(CLASSES, "") == ("opus", [("zai", "glm-5.3")])
    assert by_class(CLASSES, "auxiliary", long=True)[0] == "long_context"


def test_a_route_for_a_class_without_room_for_the_request_is_ignored() -> None:
    assert by_class(CLASSES, "subagent", long=True) == ("long_context", [("moonshot", "kimi-k3")])


def test_a_route_for_a_class_without_an_existing_provider_is_ignored() -> None:
    users = Routes(by_class=MappingProxyType({"subagent": (RouteEntry("gone"),)}))
    assert by_class(users, "subagent") == by_class(Routes(), "")


def test_a_pin_wins_over_the_route_for_a_class() -> None:
    pinned = route(WINDOWS, "zai", "claude-opus-5-5", None, CLASSES, request_class="compaction")
    assert isinstance(pinned, Route)
    assert (pinned.pinned, pinned.name) == (True, "")
