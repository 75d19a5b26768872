from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from claude_proxy.core.affinity import SessionKey, Sessions
from claude_proxy.core.auth import Auth
from claude_proxy.core.budgets import Budget, Budgets, Period
from claude_proxy.core.client_login import NoLogin
from claude_proxy.core.learning.learned_rules import LearnedRule, LearnedRules
from claude_proxy.core.required_features import RequiredFeatures
from claude_proxy.core.routing import Candidate, NoSuchProvider, Route, RouteEntry, Routes
from claude_proxy.core.selection import MAX_KNOWN, Criteria, OverBudget, Selector, TooLong
from claude_proxy.core.tokens import BodySize, Calibration, FixedCount, Prompt
from claude_proxy.core.traits import Kind, ModelFacts, Rule, Traits
from claude_proxy.core.types import MAX_MODEL_LENGTH, Attempt, Cost, Failback, Provider, Usage
from core.builders import NOW, account, provider

MODEL = "claude-opus-5-5"
KEY: SessionKey = (b"5f0c4f5e", MODEL)
PICTURE = RequiredFeatures.of("image")


def able(name: str, *, tools: tuple[str, ...] | None = None, **facts: Any) -> Provider:
    """Return a provider with facts of its only model."""
    known = MappingProxyType({MODEL: ModelFacts(**facts)})
    return provider(name, facts=known, traits=Traits(server_tools=tools))


def names(selection: object) -> list[str]:
    assert isinstance(selection, Route)
    return [candidate.provider.name for candidate in selection.candidates]


def criteria(tokens: int = 1, **changes: Any) -> Criteria:
    return Criteria(MODEL, FixedCount(tokens), **changes)


def held_by(holder: str, instead_of: str) -> Sessions:
    sessions = Sessions()
    sessions.note(KEY, (holder, MODEL), (instead_of, MODEL), NOW)
    return sessions


A, B, C = able("a"), able("b"), able("c")


def test_keeps_the_order_of_the_providers_if_nothing_else_decides() -> None:
    selection = Selector((A, B, C)).choose(criteria(), NOW)
    assert names(selection) == ["a", "b", "c"]
    assert isinstance(selection, Route)
    assert (selection.first_choice, selection.name, selection.too_small) == (selection.candidates[0], "", ())


def test_a_pin_to_a_provider_without_a_key_names_the_variable() -> None:
    selection = Selector((A,), MappingProxyType({"b": "B_KEY"})).choose(criteria(pin="b"), NOW)
    assert isinstance(selection, NoSuchProvider)
    assert "set B_KEY" in selection.message


# The client's own login


def test_without_a_login_skips_providers_that_need_it() -> None:
    plan = replace(able("plan", context=1000), auth=Auth.CLIENT)
    selector = Selector((plan, able("b", context=100)))
    assert names(selector.choose(criteria(), NOW)) == ["plan", "b"]
    selection = selector.choose(criteria(login=False), NOW)
    assert isinstance(selection, Route)
    assert (names(selection), selection.first_choice) == (["b"], selection.candidates[0])
    too_long = selector.choose(criteria(500, login=False), NOW)
    assert isinstance(too_long, TooLong)
    assert too_long.window == 100
    assert isinstance(Selector((plan,)).choose(criteria(login=False), NOW), NoLogin)


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
def test_skips_candidates_with_too_small_a_window(tokens: int, fitting: list[str], too_small: list[str]) -> None:
    selection = Selector((SMALL, LARGE, UNKNOWN)).choose(criteria(tokens), NOW)
    assert isinstance(selection, Route)
    assert (names(selection), [candidate.provider.name for candidate in selection.too_small]) == (fitting, too_small)


def test_tells_the_largest_window_if_the_request_fits_into_none() -> None:
    selection = Selector((LARGE, SMALL)).choose(criteria(201), NOW)
    assert isinstance(selection, TooLong)
    assert (selection.tokens, selection.window, names(selection.route)) == (201, 200, ["large", "small"])


def test_the_window_of_a_pinned_provider_counts_too() -> None:
    selector = Selector((SMALL, LARGE))
    assert selector.choose(criteria(101, pin="small"), NOW) == TooLong(
        101, 100, Route((Candidate(SMALL, MODEL),), True)
    )
    assert names(selector.choose(criteria(100, pin="small"), NOW)) == ["small"]


def test_a_request_to_be_counted_need_not_fit() -> None:
    assert names(Selector((SMALL, LARGE)).choose(criteria(500), NOW, counting=True)) == ["small", "large"]


def test_measures_each_window_by_what_its_upstream_reported() -> None:
    first, second = able("first", context=30_000), able("second", context=30_000)
    tokens = Calibration()
    for _ in range(20):
        tokens.learn((first.upstream, MODEL), BodySize(100_000), Usage(input_tokens=50_000))
    selection = Selector((first, second), tokens=tokens).choose(Criteria(MODEL, Prompt(b"x" * 100_000)), NOW)
    assert names(selection) == ["second"]


# Required features


BLIND, SEEING = able("blind", images=False), able("seeing", images=True)


def test_asks_providers_that_read_images_before_those_that_do_not() -> None:
    selector = Selector((BLIND, A, SEEING))
    assert names(selector.choose(criteria(), NOW)) == ["blind", "a", "seeing"]
    assert names(selector.choose(criteria(required_features=PICTURE), NOW)) == ["a", "seeing", "blind"]


def test_asks_providers_that_have_a_server_tool_before_those_that_do_not() -> None:
    none, other, has = able("none", tools=()), able("other", tools=("code_",)), able("has", tools=("x_", "web_search_"))
    search = RequiredFeatures.of(server_tools=("web_search_20250305",))
    assert names(Selector((none, other, has, A)).choose(criteria(required_features=search), NOW)) == [
        "has",
        "a",
        "none",
        "other",
    ]


def test_required_features_do_not_change_a_pinned_route() -> None:
    selection = Selector((A, BLIND)).choose(criteria(pin="blind", required_features=PICTURE), NOW)
    assert selection == Route((Candidate(BLIND, MODEL),), pinned=True)


def test_asks_a_provider_last_if_it_was_learned_to_reject_images() -> None:
    learned_rules = LearnedRules()
    learned_rules.keep(LearnedRule(A.upstream, MODEL, Rule(Kind.BLOCK, "image"), NOW, NOW + 10, ""))
    selector = Selector((A, B), learned_rules=learned_rules)
    assert names(selector.choose(criteria(required_features=PICTURE), NOW)) == ["b", "a"]
    assert names(selector.choose(criteria(required_features=PICTURE), NOW + 10)) == ["a", "b"]
    rejecting = provider("r", traits=Traits(rejects=frozenset({Rule(Kind.BLOCK, "image")})))
    assert names(Selector((rejecting, A)).choose(criteria(required_features=PICTURE), NOW)) == ["a", "r"]


def test_does_not_read_the_required_features_if_all_candidates_are_alike() -> None:
    class Unread(RequiredFeatures):
        @property
        def kinds(self) -> frozenset[str]:
            raise AssertionError

        @property
        def server_tools(self) -> tuple[str, ...]:
            raise AssertionError

    assert names(Selector((A, B, C)).choose(criteria(required_features=Unread()), NOW)) == ["a", "b", "c"]
    alike = Selector((BLIND, able("blind-too", images=False)))
    assert names(alike.choose(criteria(required_features=Unread()), NOW))[0] == "blind"


# Affinity


def test_asks_the_holder_of_the_session_first() -> None:
    selection = Selector((A, B, C), sessions=held_by("c", "a")).choose(criteria(session=KEY), NOW)
    assert names(selection) == ["c", "a", "b"]
    assert isinstance(selection, Route)
    assert selection.first_choice == Candidate(A, MODEL)


def test_other_sessions_keep_the_order() -> None:
    selector = Selector((A, B), sessions=held_by("b", "a"))
    assert names(selector.choose(criteria(), NOW)) == ["a", "b"]
    assert names(selector.choose(criteria(session=(b"new", MODEL)), NOW)) == ["a", "b"]


def test_follows_the_failback_setting() -> None:
    at_once = Selector((A, B), failback=Failback.IMMEDIATE, sessions=held_by("b", "a"))
    assert names(at_once.choose(criteria(session=KEY), NOW)) == ["a", "b"]
    never = Selector((A, B), failback=Failback.NEVER, sessions=held_by("b", "a"))
    assert names(never.choose(criteria(session=KEY), NOW + 9999)) == ["b", "a"]


def test_a_holder_that_was_removed_changes_nothing() -> None:
    assert names(Selector((A, B), sessions=held_by("gone", "a")).choose(criteria(session=KEY), NOW)) == ["a", "b"]


def test_a_required_feature_that_the_holder_lacks_wins_over_affinity() -> None:
    selector = Selector((SEEING, BLIND), sessions=held_by("blind", "seeing"))
    assert names(selector.choose(criteria(session=KEY), NOW)) == ["blind", "seeing"]
    assert names(selector.choose(criteria(session=KEY, required_features=PICTURE), NOW)) == ["seeing", "blind"]


def test_affinity_holds_if_no_candidate_has_the_required_feature() -> None:
    blind_too = able("blind-too", images=False)
    selector = Selector((BLIND, blind_too), sessions=held_by("blind-too", "blind"))
    assert names(selector.choose(criteria(session=KEY, required_features=PICTURE), NOW)) == ["blind-too", "blind"]


def test_a_window_that_is_too_small_wins_over_affinity() -> None:
    selection = Selector((LARGE, SMALL), sessions=held_by("small", "large")).choose(criteria(150, session=KEY), NOW)
    assert names(selection) == ["large"]


def test_the_route_for_long_contexts_has_a_first_choice_of_its_own() -> None:
    """A takeover from the first choice of one route does not count on the other."""
    routes = Routes(long_context=(RouteEntry("c"), RouteEntry("b")), long_context_tokens=1000)
    selector = Selector((A, B, C), routes=routes, sessions=held_by("b", "a"))
    assert names(selector.choose(criteria(1000, session=KEY), NOW)) == ["b", "a", "c"]
    assert names(selector.choose(criteria(1001, session=KEY), NOW)) == ["c", "b"]


def test_the_same_provider_can_hold_a_session_with_another_model() -> None:
    """A candidate is identified by provider and model."""
    routes = Routes(by_tier=MappingProxyType({"opus": (RouteEntry("a", "large"), RouteEntry("a", "small"))}))
    sessions = Sessions()
    sessions.note(KEY, ("a", "small"), ("a", "large"), NOW)
    selection = Selector((A,), routes=routes, sessions=sessions).choose(criteria(session=KEY), NOW)
    assert isinstance(selection, Route)
    assert [candidate.model for candidate in selection.candidates] == ["small", "large"]


def test_caches_the_capabilities_of_a_limited_number_of_models() -> None:
    selector = Selector((BLIND, A))
    for number in range(MAX_KNOWN):
        selection = selector.choose(Criteria(f"model-{number}", FixedCount(1)), NOW)
        assert names(selection) == ["blind", "a"]
    assert len(selector._known) <= MAX_KNOWN


def test_keeps_nothing_of_a_model_with_a_long_name() -> None:
    selector = Selector((BLIND, A))
    assert names(selector.choose(Criteria("m" * (MAX_MODEL_LENGTH + 1), FixedCount(1)), NOW)) == ["blind", "a"]
    assert not selector._known
    assert names(selector.choose(Criteria("m" * MAX_MODEL_LENGTH, FixedCount(1)), NOW)) == ["blind", "a"]
    assert len(selector._known) == 2


# The size of the request


def takes(name: str, *sizes: int) -> Provider:
    rejects = frozenset(Rule(Kind.MAX_BYTES, str(size)) for size in sizes)
    return replace(able(name), traits=Traits(rejects=rejects))


@pytest.mark.parametrize(
    ("size", "asked"),
    [
        (1_000_000, ["a", "b", "c"]),
        (1_000_001, ["b", "c", "a"]),
        (3_000_000, ["b", "c", "a"]),
        (3_000_001, ["c", "a", "b"]),
    ],
)
def test_asks_providers_last_that_are_known_to_take_smaller_requests(size: int, asked: list[str]) -> None:
    selector = Selector((takes("a", 1_000_000, 2_000_000), takes("b", 3_000_000), C))
    assert names(selector.choose(criteria(size=size), NOW)) == asked
    assert names(selector.choose(criteria(size=size, pin="a"), NOW)) == ["a"]


def test_asks_all_if_each_is_known_to_take_smaller_requests() -> None:
    selector = Selector((takes("a", 1_000_000), takes("b", 3_000_000)))
    assert names(selector.choose(criteria(size=4_000_000), NOW)) == ["a", "b"]


def test_asks_a_provider_last_that_was_learned_to_take_smaller_requests_while_the_rule_holds() -> None:
    learned_rules = LearnedRules()
    learned_rules.keep(LearnedRule(A.upstream, MODEL, Rule(Kind.MAX_BYTES, "1000000"), NOW, NOW + 10, ""))
    selector = Selector((A, B), learned_rules=learned_rules)
    assert names(selector.choose(criteria(size=1_000_001), NOW)) == ["b", "a"]
    assert names(selector.choose(criteria(size=1_000_001), NOW + 10)) == ["a", "b"]


def test_size_wins_over_affinity_and_over_features() -> None:
    selector = Selector((takes("a", 1_000_000), BLIND, C), sessions=held_by("a", "blind"))
    assert names(selector.choose(criteria(session=KEY, size=1_000_000), NOW)) == ["a", "blind", "c"]
    large = criteria(session=KEY, size=1_000_001, required_features=PICTURE)
    assert names(selector.choose(large, NOW)) == ["c", "blind", "a"]


def test_what_does_not_read_as_a_size_limits_nothing() -> None:
    odd = replace(A, traits=Traits(rejects=frozenset({Rule(Kind.MAX_BYTES, "much")})))
    assert names(Selector((odd, B)).choose(criteria(size=9_000_000), NOW)) == ["a", "b"]


def over_budget(*given: Budget, by: str = "a") -> Budgets:
    """Return budgets of which all is spent by a provider."""
    spent = Budgets(NOW)
    spent.follow(given, passes=True)
    spent.take(account(attempts=(Attempt(by, None, 200, 1.0, cost=Cost(100.0)),)), NOW, 0)
    return spent


OF_A = Budget(5.0, Period.DAY, "a")
OF_ALL = Budget(5.0, Period.DAY)


def test_a_provider_whose_budget_is_used_up_is_left_out() -> None:
    selection = Selector((A, B, C), budgets=over_budget(OF_A)).choose(criteria(), NOW)
    assert names(selection) == ["b", "c"]
    assert isinstance(selection, Route)
    assert [each.provider.name for each in selection.over_budget] == ["a"]
    assert names(Selector((B, C), budgets=over_budget(OF_A)).choose(criteria(), NOW)) == ["b", "c"]


def test_only_what_a_plan_pays_for_is_left_if_the_budget_of_all_is_used_up() -> None:
    plan = replace(B, is_plan=True)
    assert names(Selector((A, plan, C), budgets=over_budget(OF_ALL)).choose(criteria(), NOW)) == ["b"]


@pytest.mark.parametrize("pin", [None, "a"])
def test_says_which_budget_is_used_up_if_no_candidate_is_left(pin: str | None) -> None:
    selection = Selector((A, B), budgets=over_budget(OF_ALL)).choose(criteria(pin=pin), NOW)
    assert isinstance(selection, OverBudget)
    assert selection.message == (
        "the budget of $5.00 a day is used up ($100.00 spent) and begins anew at 2027-01-16 00:00. To go on now, "
        "raise it under `budgets` in config.json, which is taken up at once"
    )


def test_each_budget_is_named_once() -> None:
    spent = over_budget(OF_A, Budget(9.0, Period.DAY, "b"))
    spent.take(account(attempts=(Attempt("b", None, 200, 1.0, cost=Cost(9.0)),)), NOW, 0)
    selection = Selector((A, B), budgets=spent).choose(criteria(), NOW)
    assert isinstance(selection, OverBudget)
    assert selection.message.count("is used up") == 2


def test_tokens_are_counted_whatever_was_spent() -> None:
    assert names(Selector((A,), budgets=over_budget(OF_ALL)).choose(criteria(), NOW, counting=True)) == ["a"]
