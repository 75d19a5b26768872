from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from claude_proxy.core.affinity import SessionKey, Sessions
from claude_proxy.core.client_login import NoLogin
from claude_proxy.core.learning.learned_rules import LearnedRule, LearnedRules
from claude_proxy.core.required_features import RequiredFeatures
from claude_proxy.core.routing import Candidate, NoSuchProvider, Route, Routes, Stop
from claude_proxy.core.selection import MAX_KNOWN, Criteria, Selector, TooLong
from claude_proxy.core.tokens import Calibration, FixedCount, Prompt, Weight
from claude_proxy.core.traits import Kind, ModelFacts, Rule, Traits
from claude_proxy.core.types import Auth, Failback, Provider, Usage
from core.builders import NOW, provider

MODEL = "claude-opus-5-5"
KEY: SessionKey = (b"5f0c4f5e", MODEL)
PICTURE = RequiredFeatures.of("image")


def able(name: str, *, tools: tuple[str, ...] | None = None, **facts: Any) -> Provider:
    """Return a provider with what is known of its one model."""
    known = MappingProxyType({MODEL: ModelFacts(**facts)})
    return provider(name, facts=known, traits=Traits(server_tools=tools))


def names(found: object) -> list[str]:
    assert isinstance(found, Route)
    return [one.provider.name for one in found.candidates]


def asked(tokens: int = 1, **changes: Any) -> Criteria:
    return Criteria(MODEL, FixedCount(tokens), **changes)


def held_by(holder: str, instead_of: str) -> Sessions:
    sessions = Sessions()
    sessions.note(KEY, (holder, MODEL), (instead_of, MODEL), NOW)
    return sessions


A, B, C = able("a"), able("b"), able("c")


def test_without_more_the_order_is_that_of_the_providers() -> None:
    found = Selector((A, B, C)).choose(asked(), NOW)
    assert names(found) == ["a", "b", "c"]
    assert isinstance(found, Route)
    assert (found.first_choice, found.rule, found.too_small) == (found.candidates[0], "", ())


def test_a_pin_to_nobody_is_told() -> None:
    found = Selector((A,), MappingProxyType({"b": "B_KEY"})).choose(asked(pin="b"), NOW)
    assert isinstance(found, NoSuchProvider)
    assert "set B_KEY" in found.message


# The client's own login


def test_without_a_login_who_needs_it_has_no_part_in_anything() -> None:
    plan = replace(able("plan", context=1000), auth=Auth.CLIENT)
    selector = Selector((plan, able("b", context=100)))
    assert names(selector.choose(asked(), NOW)) == ["plan", "b"]
    found = selector.choose(asked(login=False), NOW)
    assert isinstance(found, Route)
    assert (names(found), found.first_choice) == (["b"], found.candidates[0])
    too_long = selector.choose(asked(500, login=False), NOW)
    assert isinstance(too_long, TooLong)
    assert too_long.window == 100
    assert isinstance(Selector((plan,)).choose(asked(login=False), NOW), NoLogin)


# Context windows


SMALL, LARGE, UNKNOWN = able("small", context=100), able("large", context=200), able("unknown")


@pytest.mark.parametrize(
    ("tokens", "fitting", "too_small"),
    [
        (100, ["small", "large", "unknown"], []),
        (101, ["large", "unknown"], ["small"]),
        (201, ["unknown"], ["small", "large"]),
    ],
)
def test_who_cannot_hold_the_request_is_passed_over(tokens: int, fitting: list[str], too_small: list[str]) -> None:
    found = Selector((SMALL, LARGE, UNKNOWN)).choose(asked(tokens), NOW)
    assert isinstance(found, Route)
    assert (names(found), [one.provider.name for one in found.too_small]) == (fitting, too_small)


def test_where_it_fits_nowhere_the_largest_window_is_told() -> None:
    found = Selector((LARGE, SMALL)).choose(asked(201), NOW)
    assert isinstance(found, TooLong)
    assert (found.tokens, found.window, names(found.route)) == (201, 200, ["large", "small"])


def test_a_pinned_provider_has_its_window_too() -> None:
    selector = Selector((SMALL, LARGE))
    assert selector.choose(asked(101, pin="small"), NOW) == TooLong(101, 100, Route((Candidate(SMALL, MODEL),), True))
    assert names(selector.choose(asked(100, pin="small"), NOW)) == ["small"]


def test_to_be_counted_it_need_not_fit() -> None:
    assert names(Selector((SMALL, LARGE)).choose(asked(500), NOW, counting=True)) == ["small", "large"]


def test_each_window_is_measured_by_what_its_provider_reports() -> None:
    first, second = able("first", context=30_000), able("second", context=30_000)
    tokens = Calibration()
    for _ in range(20):
        tokens.learn((first.upstream, MODEL), Weight(100_000), Usage(input_tokens=50_000))
    found = Selector((first, second), tokens=tokens).choose(Criteria(MODEL, Prompt(b"x" * 100_000)), NOW)
    assert names(found) == ["second"]


# Demands


BLIND, SEEING = able("blind", images=False), able("seeing", images=True)


def test_who_can_read_an_image_goes_before_who_cannot() -> None:
    selector = Selector((BLIND, A, SEEING))
    assert names(selector.choose(asked(), NOW)) == ["blind", "a", "seeing"]
    assert names(selector.choose(asked(required_features=PICTURE), NOW)) == ["a", "seeing", "blind"]


def test_who_has_a_server_tool_goes_before_who_has_not() -> None:
    none, other, has = able("none", tools=()), able("other", tools=("code_",)), able("has", tools=("x_", "web_search_"))
    search = RequiredFeatures.of(server_tools=("web_search_20250305",))
    assert names(Selector((none, other, has, A)).choose(asked(required_features=search), NOW)) == [
        "has",
        "a",
        "none",
        "other",
    ]


def test_a_pinned_request_has_no_order() -> None:
    found = Selector((A, BLIND)).choose(asked(pin="blind", required_features=PICTURE), NOW)
    assert found == Route((Candidate(BLIND, MODEL),), pinned=True)


def test_who_taught_that_it_takes_no_images_goes_behind() -> None:
    learned_rules = LearnedRules()
    learned_rules.keep(LearnedRule(A.upstream, MODEL, Rule(Kind.BLOCK, "image"), NOW, NOW + 10, ""))
    selector = Selector((A, B), learned_rules=learned_rules)
    assert names(selector.choose(asked(required_features=PICTURE), NOW)) == ["b", "a"]
    assert names(selector.choose(asked(required_features=PICTURE), NOW + 10)) == ["a", "b"]
    rejecting = provider("r", traits=Traits(rejects=frozenset({Rule(Kind.BLOCK, "image")})))
    assert names(Selector((rejecting, A)).choose(asked(required_features=PICTURE), NOW)) == ["a", "r"]


def test_where_all_are_alike_nobody_looks_what_is_demanded() -> None:
    class Unread(RequiredFeatures):
        @property
        def kinds(self) -> frozenset[str]:
            raise AssertionError

        @property
        def server_tools(self) -> tuple[str, ...]:
            raise AssertionError

    assert names(Selector((A, B, C)).choose(asked(required_features=Unread()), NOW)) == ["a", "b", "c"]
    alike = Selector((BLIND, able("blind-too", images=False)))
    assert names(alike.choose(asked(required_features=Unread()), NOW))[0] == "blind"


# Affinity


def test_who_holds_the_session_goes_first() -> None:
    found = Selector((A, B, C), sessions=held_by("c", "a")).choose(asked(session=KEY), NOW)
    assert names(found) == ["c", "a", "b"]
    assert isinstance(found, Route)
    assert found.first_choice == Candidate(A, MODEL)


def test_another_session_and_none_are_asked_in_order() -> None:
    selector = Selector((A, B), sessions=held_by("b", "a"))
    assert names(selector.choose(asked(), NOW)) == ["a", "b"]
    assert names(selector.choose(asked(session=(b"new", MODEL)), NOW)) == ["a", "b"]


def test_the_users_failback_decides() -> None:
    at_once = Selector((A, B), failback=Failback.IMMEDIATE, sessions=held_by("b", "a"))
    assert names(at_once.choose(asked(session=KEY), NOW)) == ["a", "b"]
    never = Selector((A, B), failback=Failback.NEVER, sessions=held_by("b", "a"))
    assert names(never.choose(asked(session=KEY), NOW + 9999)) == ["b", "a"]


def test_a_holder_that_is_gone_changes_nothing() -> None:
    assert names(Selector((A, B), sessions=held_by("gone", "a")).choose(asked(session=KEY), NOW)) == ["a", "b"]


def test_a_demand_that_the_holder_cannot_meet_wins_over_affinity() -> None:
    selector = Selector((SEEING, BLIND), sessions=held_by("blind", "seeing"))
    assert names(selector.choose(asked(session=KEY), NOW)) == ["blind", "seeing"]
    assert names(selector.choose(asked(session=KEY, required_features=PICTURE), NOW)) == ["seeing", "blind"]


def test_where_nobody_meets_the_demand_affinity_holds() -> None:
    blind_too = able("blind-too", images=False)
    selector = Selector((BLIND, blind_too), sessions=held_by("blind-too", "blind"))
    assert names(selector.choose(asked(session=KEY, required_features=PICTURE), NOW)) == ["blind-too", "blind"]


def test_a_window_that_is_too_small_wins_over_affinity() -> None:
    found = Selector((LARGE, SMALL), sessions=held_by("small", "large")).choose(asked(150, session=KEY), NOW)
    assert names(found) == ["large"]


def test_another_order_for_long_contexts_has_its_own_first_choice() -> None:
    """Who took over from the first choice of the one order does not hold the session on the other."""
    routes = Routes(long_context=(Stop("c"), Stop("b")), long_context_tokens=1000)
    selector = Selector((A, B, C), routes=routes, sessions=held_by("b", "a"))
    assert names(selector.choose(asked(1000, session=KEY), NOW)) == ["b", "a", "c"]
    assert names(selector.choose(asked(1001, session=KEY), NOW)) == ["c", "b"]


def test_the_same_provider_can_hold_it_with_another_model() -> None:
    """Candidates are told apart by provider and model."""
    routes = Routes(by_tier=MappingProxyType({"opus": (Stop("a", "large"), Stop("a", "small"))}))
    sessions = Sessions()
    sessions.note(KEY, ("a", "small"), ("a", "large"), NOW)
    found = Selector((A,), routes=routes, sessions=sessions).choose(asked(session=KEY), NOW)
    assert isinstance(found, Route)
    assert [one.model for one in found.candidates] == ["small", "large"]


def test_however_many_models_are_named_little_is_kept_of_them() -> None:
    selector = Selector((BLIND, A))
    for number in range(MAX_KNOWN):
        found = selector.choose(Criteria(f"model-{number}", FixedCount(1)), NOW)
        assert names(found) == ["blind", "a"]
    assert len(selector._known) <= MAX_KNOWN
