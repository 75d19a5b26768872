from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.core.adaptation.thinking_blocks import OF_OTHERS
from claude_proxy.core.affinity import Sessions
from claude_proxy.core.auth import Auth
from claude_proxy.core.budgets import Budget, Budgets, Period
from claude_proxy.core.explanation import (
    MAX_TOKENS,
    CandidateReport,
    ExplainQuery,
    Explanation,
    explain_request,
    parse_query,
)
from claude_proxy.core.health import Health
from claude_proxy.core.learning.learned_rules import LearnedRule, LearnedRules
from claude_proxy.core.reasons import Reason
from claude_proxy.core.routing import RouteEntry, Routes
from claude_proxy.core.selection import Selector
from claude_proxy.core.traits import Kind, ModelFacts, Rule, Traits
from claude_proxy.core.types import Attempt, Cost
from core.builders import NOW, account, provider

MODEL = "claude-opus-5-5"


def one(name: str, **facts: Any) -> Any:
    return provider(name, facts=MappingProxyType({MODEL: ModelFacts(**facts)}), traits=Traits(is_anthropic=True))


A, B, C = one("a", context=1000), one("b", context=2000, images=False), one("c")
ALL = (A, B, C)


def resting(name: str, seconds: float, since: float = NOW) -> Health:
    health = Health(name, 1800)
    permit = health.admit(since)
    assert permit
    health.rate_limited(permit, since, Reason.STATUS, 429, since + seconds)
    return health


def healths(*some: Health) -> dict[str, Health]:
    return {provider.name: Health(provider.name, 1800) for provider in ALL} | {health.name: health for health in some}


def explain(selector: Selector, *some: Health, now: float = NOW, **asked: Any) -> Explanation:
    return explain_request(ExplainQuery(MODEL, **asked), selector, healths(*some), now)


def reports(found: Explanation) -> list[tuple[str, int, tuple[str, ...]]]:
    return [(fate.provider, fate.place, fate.why) for fate in found.candidates]


def places(found: Explanation) -> list[tuple[str, int]]:
    return [(fate.provider, fate.place) for fate in found.candidates]


def test_says_little_if_nothing_is_unusual() -> None:
    found = explain(Selector(ALL), tokens=900)
    assert found == Explanation(
        MODEL,
        "the order of the providers in config.json",
        "a would be tried first. If it fails before its answer begins: b, then c.",
        (
            CandidateReport("a", MODEL, 1, window=1000, tokens=900, changes=(OF_OTHERS,)),
            CandidateReport(
                "b", MODEL, 2, window=2000, tokens=900, changes=("replaced by a short text: images", OF_OTHERS)
            ),
            CandidateReport("c", MODEL, 3, tokens=900, changes=(OF_OTHERS,)),
        ),
    )
    assert explain(Selector((A,))).verdict == "a would be tried first."


def test_names_the_users_route_and_the_providers_outside_it() -> None:
    routes = Routes(MappingProxyType({"opus": (RouteEntry("c"), RouteEntry("a", "large"))}), (RouteEntry("b"),), 1000)
    found = explain(Selector(ALL, routes=routes))
    assert found.order == "your route for opus"
    assert reports(found) == [("c", 1, ()), ("a", 2, ()), ("b", 0, ("it is not in this route",))]
    assert found.candidates[1].model == "large"
    assert explain(Selector(ALL, routes=routes), tokens=1001).order == "your route for requests over 1000 tokens"


def test_names_the_route_of_a_class() -> None:
    selector = Selector(ALL, routes=Routes(by_class=MappingProxyType({"compaction": (RouteEntry("c"),)})))
    found = explain_request(ExplainQuery(MODEL, request_class="compaction"), selector, {}, NOW)
    assert found.order == "your route for requests of the class compaction"
    assert reports(found)[0] == ("c", 1, ())
    assert parse_query(b"model=x&class=compaction") == ExplainQuery("x", request_class="compaction")


def test_names_the_variable_of_a_missing_key() -> None:
    found = explain(Selector(ALL, MappingProxyType({"zai": "ZAI_API_KEY"})))
    assert reports(found)[-1] == ("zai", 0, ("it has no key: set ZAI_API_KEY in .env",))


def test_says_which_window_is_too_small() -> None:
    found = explain(Selector(ALL), tokens=1500)
    assert reports(found) == [
        ("b", 1, ()),
        ("c", 2, ()),
        ("a", 0, ("the request does not fit into its context window",)),
    ]


def test_a_request_that_fits_nowhere_makes_claude_code_compact() -> None:
    found = explain(Selector((A, B)), tokens=5000)
    assert 'gets "prompt is too long: 5000 tokens > 2000 maximum"' in found.verdict
    assert places(found) == [("a", 0), ("b", 0), ("c", 0)][:2]


def test_says_which_feature_is_missing() -> None:
    found = explain(Selector((B, A)), image=True)
    assert reports(found) == [("a", 1, ()), ("b", 2, ("it is known not to accept images: tried after those that do",))]


def test_providers_in_cooldown_come_last_by_their_return() -> None:
    found = explain(Selector(ALL), resting("a", 60), resting("b", 30))
    rests = ("in cooldown: tried only if all others fail",)
    assert reports(found) == [("c", 1, ()), ("b", 2, rests), ("a", 3, rests)]
    fate = found.candidates[2]
    assert (fate.cooldown_until, fate.cooldown_reason) == (NOW + 60, "too many requests")
    assert found.verdict.startswith("c would be tried first.")


def test_if_all_are_in_cooldown_the_first_to_return_is_tried() -> None:
    found = explain(Selector((A, B)), resting("a", 60), resting("b", 30))
    assert reports(found) == [
        ("b", 1, ("in cooldown, like all of them, and returns first",)),
        ("a", 2, ("in cooldown: tried only if all others fail",)),
    ]
    assert found.verdict == (
        "All providers are in cooldown. b, which returns first, would be tried anyway."
        " If it fails before its answer begins: a."
    )


def test_says_that_a_cooldown_is_over() -> None:
    health = resting("a", 60)
    found = explain(Selector((A, B)), health, now=NOW + 60)
    assert reports(found)[0] == ("a", 1, ("its cooldown is over: this request would try it",))
    assert found.candidates[0].cooldown_until is None
    health.admit(NOW + 60)
    found = explain(Selector((A, B)), health, now=NOW + 60)
    assert reports(found)[1] == ("a", 2, ("another request is trying it after its cooldown; this one skips it",))


def test_says_what_happens_while_another_request_tries_the_provider() -> None:
    probing = resting("a", 60)
    probing.admit(NOW + 60)
    found = explain(Selector((A, B)), probing, resting("b", 99), now=NOW + 60)
    assert reports(found)[0] == ("a", 1, ("in cooldown, like all of them, and returns first",))
    found = explain(Selector((A, B)), probing, now=NOW + 60, provider="a")
    assert reports(found) == [("a", 1, ("in cooldown, but tried because it is pinned",))]


def test_a_pinned_provider_is_tried_whatever_its_health() -> None:
    found = explain(Selector(ALL, MappingProxyType({"zai": "ZAI"})), resting("b", 60), provider="b")
    assert found.order == "pinned to b: no other provider is tried"
    assert reports(found) == [("b", 1, ("in cooldown, but tried because it is pinned",))]
    assert found.verdict == "b would be tried, and its answer is relayed, even an error."


def test_a_pin_to_no_provider_gets_the_clients_error() -> None:
    found = explain(Selector((A,)), provider="nobody")
    assert (found.verdict, found.candidates) == ("no provider is named 'nobody'. Choose one of: a", ())


def test_says_which_provider_holds_the_session_and_which_did_before() -> None:
    sessions = Sessions()
    sessions.note((b"5f0c", MODEL), ("b", MODEL), ("a", MODEL), NOW)
    found = explain(Selector(ALL, sessions=sessions), session="5f0c")
    assert reports(found) == [
        ("b", 1, ("it took this session over from a and has it in its prompt cache",)),
        ("a", 2, ("the first choice, but b has this session in its prompt cache",)),
        ("c", 3, ()),
    ]
    assert places(explain(Selector(ALL, sessions=sessions), session="other"))[0] == ("a", 1)


def test_says_which_provider_uses_the_clients_own_login() -> None:
    plan = replace(A, auth=Auth.CLIENT, traits=Traits())
    found = explain(Selector((plan, B)))
    why = "it is used with Claude Code's own login: a request without one"
    assert reports(found) == [("a", 1, (f"{why} skips it",)), ("b", 2, ())]
    assert found.candidates[0].changes == (OF_OTHERS,)
    for alone in (explain(Selector((plan, B)), provider="a"), explain(Selector((plan,)))):
        assert reports(alone) == [("a", 1, (f"{why} is refused",))]


def test_the_changes_include_learned_rules() -> None:
    learned_rules = LearnedRules()
    learned_rules.keep(LearnedRule(A.upstream, MODEL, Rule(Kind.FIELD, "context_management"), NOW, NOW + 10, ""))
    found = explain(Selector((A,), learned_rules=learned_rules))
    assert found.candidates[0].changes == ("left out, learned from its errors: context_management", OF_OTHERS)


def test_without_a_running_proxy_no_health_is_known() -> None:
    found = explain_request(ExplainQuery(MODEL), Selector(ALL), None, NOW)
    assert not found.health_known
    assert places(found) == [("a", 1), ("b", 2), ("c", 3)]


# The question, as a query string


@given(
    st.builds(
        ExplainQuery,
        st.text(min_size=1, max_size=50).filter(lambda text: text.isprintable()),
        st.integers(0, MAX_TOKENS),
        st.booleans(),
        st.sampled_from(["", "5f0c4f5e"]),
        st.sampled_from(["", "minimax"]),
    )
)
def test_reads_the_query_that_it_writes(asked: ExplainQuery) -> None:
    assert parse_query(asked.query().encode()) == asked


@pytest.mark.parametrize(
    "query",
    [
        b"",
        b"tokens=1",
        b"model=",
        b"model=opus&tokens=many",
        b"model=opus&tokens=-1",
        b"model=opus&tokens=%d" % (MAX_TOKENS + 1),
        b"model=opus&tokens=" + b"9" * 5000,
        b"model=opus&image=maybe",
        b"model=opus" + b"&a=1" * 99,
    ],
)
def test_rejects_a_faulty_query(query: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_query(query)


def test_ignores_unknown_fields_of_a_query() -> None:
    assert parse_query(b"model=opus&more=1") == ExplainQuery("opus")


def spent(budget: Budget) -> Budgets:
    """Return a budget that is used up by `a`."""
    budgets = Budgets(NOW)
    budgets.follow([budget], passes=True)
    budgets.take(account(attempts=(Attempt("a", None, 200, 1.0, cost=Cost(5.0)),)), NOW, 0)
    return budgets


def test_says_which_provider_is_passed_over_for_its_budget() -> None:
    found = explain(Selector(ALL, budgets=spent(Budget(5.0, Period.DAY, "a"))))
    assert [(each.provider, each.place) for each in found.candidates] == [("b", 1), ("c", 2), ("a", 0)]
    words = "passed over: the budget of $5.00 a day for a is used up ($5.00 spent) and begins anew at 2027-01-16 00:00"
    assert found.candidates[-1].why == (words,)


@pytest.mark.parametrize("pin", ["", "a"])
def test_says_that_no_provider_is_tried_if_the_budget_of_all_is_used_up(pin: str) -> None:
    found = explain(Selector(ALL, budgets=spent(Budget(5.0, Period.DAY))), provider=pin)
    assert found.verdict.startswith("No provider is tried: the budget of $5.00 a day is used up")
    assert {each.place for each in found.candidates} == {0}
    assert all(each.why[0].startswith("passed over: ") for each in found.candidates)
    assert len(found.candidates) == (1 if pin else 3)
