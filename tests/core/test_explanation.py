from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.core.adaptation.thinking_blocks import OF_OTHERS
from claude_proxy.core.affinity import Sessions
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
from claude_proxy.core.types import Auth
from core.builders import NOW, provider

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


def told(found: Explanation) -> list[tuple[str, int, tuple[str, ...]]]:
    return [(fate.provider, fate.place, fate.why) for fate in found.candidates]


def places(found: Explanation) -> list[tuple[str, int]]:
    return [(fate.provider, fate.place) for fate in found.candidates]


def test_where_nothing_is_odd_it_is_short() -> None:
    found = explain(Selector(ALL), tokens=900)
    assert found == Explanation(
        MODEL,
        "the order of the providers in config.json",
        "a would be asked first. If it fails before its answer begins: b, then c.",
        (
            CandidateReport("a", MODEL, 1, window=1000, tokens=900, changes=(OF_OTHERS,)),
            CandidateReport(
                "b", MODEL, 2, window=2000, tokens=900, changes=("replaced by a short text: images", OF_OTHERS)
            ),
            CandidateReport("c", MODEL, 3, tokens=900, changes=(OF_OTHERS,)),
        ),
    )
    assert explain(Selector((A,))).verdict == "a would be asked first."


def test_the_users_routes_are_named_with_who_stands_in_none() -> None:
    routes = Routes(MappingProxyType({"opus": (RouteEntry("c"), RouteEntry("a", "large"))}), (RouteEntry("b"),), 1000)
    found = explain(Selector(ALL, routes=routes))
    assert found.order == "your route for opus"
    assert told(found) == [("c", 1, ()), ("a", 2, ()), ("b", 0, ("it does not stand in this route",))]
    assert found.candidates[1].model == "large"
    assert explain(Selector(ALL, routes=routes), tokens=1001).order == "your route for requests over 1000 tokens"


def test_who_has_no_key_is_told_with_the_variable() -> None:
    found = explain(Selector(ALL, MappingProxyType({"zai": "ZAI_API_KEY"})))
    assert told(found)[-1] == ("zai", 0, ("it has no key: set ZAI_API_KEY in .env",))


def test_a_window_that_is_too_small_is_told() -> None:
    found = explain(Selector(ALL), tokens=1500)
    assert told(found) == [("b", 1, ()), ("c", 2, ()), ("a", 0, ("the request does not fit into its context window",))]


def test_a_request_that_fits_nowhere_makes_claude_code_compact() -> None:
    found = explain(Selector((A, B)), tokens=5000)
    assert 'told "prompt is too long: 5000 tokens > 2000 maximum"' in found.verdict
    assert places(found) == [("a", 0), ("b", 0), ("c", 0)][:2]


def test_what_cannot_be_met_is_told() -> None:
    found = explain(Selector((B, A)), image=True)
    assert told(found) == [("a", 1, ()), ("b", 2, ("it is known not to take images: asked after those that do",))]


def test_who_rests_is_asked_after_the_others_by_its_return() -> None:
    found = explain(Selector(ALL), resting("a", 60), resting("b", 30))
    rests = ("it rests: asked only if all others fail",)
    assert told(found) == [("c", 1, ()), ("b", 2, rests), ("a", 3, rests)]
    fate = found.candidates[2]
    assert (fate.cooldown_until, fate.cooldown_reason) == (NOW + 60, "too many requests")
    assert found.verdict.startswith("c would be asked first.")


def test_where_all_rest_the_first_to_return_is_asked() -> None:
    found = explain(Selector((A, B)), resting("a", 60), resting("b", 30))
    assert told(found) == [
        ("b", 1, ("it rests as all of them do, and returns first",)),
        ("a", 2, ("it rests: asked only if all others fail",)),
    ]
    assert found.verdict == (
        "All of them rest. b, which returns first, would be asked all the same."
        " If it fails before its answer begins: a."
    )


def test_a_rest_that_is_over_is_told() -> None:
    health = resting("a", 60)
    found = explain(Selector((A, B)), health, now=NOW + 60)
    assert told(found)[0] == ("a", 1, ("its rest is over: this request would try it",))
    assert found.candidates[0].cooldown_until is None
    health.admit(NOW + 60)
    found = explain(Selector((A, B)), health, now=NOW + 60)
    assert told(found)[1] == ("a", 2, ("another request is trying it after its rest; this one goes past",))


def test_of_one_that_another_request_tries_it_is_told_what_happens_to_this_one() -> None:
    probing = resting("a", 60)
    probing.admit(NOW + 60)
    found = explain(Selector((A, B)), probing, resting("b", 99), now=NOW + 60)
    assert told(found)[0] == ("a", 1, ("it rests as all of them do, and returns first",))
    found = explain(Selector((A, B)), probing, now=NOW + 60, provider="a")
    assert told(found) == [("a", 1, ("it rests, but is asked since it is pinned",))]


def test_a_pinned_provider_is_asked_whatever_its_health() -> None:
    found = explain(Selector(ALL, MappingProxyType({"zai": "ZAI"})), resting("b", 60), provider="b")
    assert found.order == "pinned to b: nobody else is asked"
    assert told(found) == [("b", 1, ("it rests, but is asked since it is pinned",))]
    assert found.verdict == "b would be asked, and its answer is the answer, an error too."


def test_a_pin_to_nobody_is_told_as_the_client_is() -> None:
    found = explain(Selector((A,)), provider="nobody")
    assert (found.verdict, found.candidates) == ("no provider is named 'nobody'; there are: a", ())


def test_who_holds_the_session_is_told_and_whose_it_was() -> None:
    sessions = Sessions()
    sessions.note((b"5f0c", MODEL), ("b", MODEL), ("a", MODEL), NOW)
    found = explain(Selector(ALL, sessions=sessions), session="5f0c")
    assert told(found) == [
        ("b", 1, ("it took this session over from a and has it in its prompt cache",)),
        ("a", 2, ("the first choice, but b has this session in its prompt cache",)),
        ("c", 3, ()),
    ]
    assert places(explain(Selector(ALL, sessions=sessions), session="other"))[0] == ("a", 1)


def test_who_is_asked_with_the_clients_own_login_is_told() -> None:
    plan = replace(A, auth=Auth.CLIENT, traits=Traits())
    found = explain(Selector((plan, B)))
    why = "it is asked with Claude Code's own login: a request that brings none"
    assert told(found) == [("a", 1, (f"{why} passes it by",)), ("b", 2, ())]
    assert found.candidates[0].changes == (OF_OTHERS,)
    for alone in (explain(Selector((plan, B)), provider="a"), explain(Selector((plan,)))):
        assert told(alone) == [("a", 1, (f"{why} is refused",))]


def test_what_was_learned_is_among_the_changes() -> None:
    learned_rules = LearnedRules()
    learned_rules.keep(LearnedRule(A.upstream, MODEL, Rule(Kind.FIELD, "context_management"), NOW, NOW + 10, ""))
    found = explain(Selector((A,), learned_rules=learned_rules))
    assert found.candidates[0].changes == ("left out, as its errors taught: context_management", OF_OTHERS)


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
def test_a_question_comes_as_it_was_asked(asked: ExplainQuery) -> None:
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
def test_what_is_no_question_is_refused(query: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_query(query)


def test_what_it_does_not_know_it_passes_over() -> None:
    assert parse_query(b"model=opus&more=1") == ExplainQuery("opus")
