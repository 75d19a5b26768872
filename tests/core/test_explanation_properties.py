"""What `explain` says is what then happens: the same configuration is asked both ways, whatever it is."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hypothesis import given, settings
from hypothesis import strategies as st

from claude_proxy.core.explanation import ExplainQuery, Explanation, explain_request
from claude_proxy.core.failover import Failover, Try
from claude_proxy.core.health import Health
from claude_proxy.core.outcome import Whole
from claude_proxy.core.reasons import Reason
from claude_proxy.core.required_features import RequiredFeatures
from claude_proxy.core.routing import Route, RouteEntry, Routes
from claude_proxy.core.selection import Criteria, Selector
from claude_proxy.core.tokens import FixedCount
from claude_proxy.core.traits import ModelFacts, Traits
from claude_proxy.core.types import Failback, Fault, Provider
from core.builders import NOW, provider, rejected

NAMES = ("minimax", "moonshot", "zai")
MODELS = ("claude-opus-5-5", "claude-haiku-4-5-20251001")
SESSIONS = ("one", "")
SIZES = (0, 1000, 1001, 5000)
LATER = (-60.0, 0.0, 14.0, 15.0, 299.0, 300.0)
"""Seconds from when all rests and stays began to the question: a clock set back, edges of a rest and of a cache."""

facts = st.builds(ModelFacts, context=st.sampled_from([None, None, 6000, 1000]), images=st.sampled_from([None, False]))
entry = st.builds(RouteEntry, st.sampled_from((*NAMES, "nobody")), st.sampled_from((None, "own")))
entries = st.lists(entry, max_size=4).map(tuple)


@st.composite
def providers(draw: st.DrawFn) -> tuple[Provider, ...]:
    names = draw(st.permutations(NAMES))[: draw(st.sampled_from((3, 2, 1)))]
    known = st.fixed_dictionaries(dict.fromkeys((MODELS[0], "claude-haiku-4-5", "own"), facts))
    tools = st.sampled_from([None, (), ("web_search_",)])
    return tuple(
        provider(name, facts=MappingProxyType(draw(known)), traits=Traits(server_tools=draw(tools))) for name in names
    )


@st.composite
def health(draw: st.DrawFn, name: str) -> Health:
    """Return the health of one that is well, rests, or whose probe is out."""
    its = Health(name, 1800.0)
    length = draw(st.sampled_from([None, 10.0, 15.0, 3600.0]))
    if length is None:
        return its
    if draw(st.booleans()):
        its.strike(its.force(), NOW - 3600, Reason.STATUS, 503)
        its.admit(NOW - 60)
    else:
        its.rate_limited(its.force(), NOW, Reason.STATUS, 429, NOW + length)
    return its


@st.composite
def choosers(draw: st.DrawFn) -> Selector:
    tiers = st.dictionaries(st.sampled_from(("opus", "haiku", "default")), entries)
    classes = st.dictionaries(st.sampled_from(("subagent", "auxiliary")), entries)
    return Selector(
        draw(providers()),
        routes=Routes(MappingProxyType(draw(tiers)), draw(entries), 1000, MappingProxyType(draw(classes))),
        failback=draw(st.sampled_from(Failback)),
    )


questions = st.builds(
    ExplainQuery,
    st.sampled_from((*MODELS * 3, "claude-proxy/zai/own")),
    st.sampled_from(SIZES),
    st.booleans(),
    st.sampled_from(SESSIONS),
    st.sampled_from((*[""] * 6, "zai", "nobody")),
    st.sampled_from(("", "subagent")),
)


def as_a_request(question: ExplainQuery) -> Criteria:
    """Return what of the request decides that somebody asks about."""
    session = (question.session.encode(), question.model) if question.session else None
    required_features = RequiredFeatures.of(*["image"] * question.image)
    return Criteria(
        question.model,
        FixedCount(question.tokens),
        question.provider or None,
        required_features,
        session,
        request_class=question.request_class,
    )


def take_over(selector: Selector, asked: Criteria, data: st.DataObject) -> None:
    """Let any of those that could be asked have answered the request's session."""
    route = selector.choose(asked, NOW)
    if isinstance(route, Route):
        holder = data.draw(st.sampled_from(route.candidates))
        selector.sessions.note(asked.session, holder.key, route.candidates[0].key, NOW)


def asked_in_turn(
    selector: Selector, asked: Criteria, healths: Mapping[str, Health], now: float
) -> list[tuple[str, str]]:
    """Return who is asked for a request that nobody takes; each gives its permit back, so that no health changes."""
    route = selector.choose(asked, now)
    if not isinstance(route, Route):
        return []
    failover = Failover[Whole]([(one, healths[one.provider.name]) for one in route.candidates], pinned=route.pinned)
    decision, turn = failover.begin(now), list[tuple[str, str]]()
    while isinstance(decision, Try):
        turn.append(decision.candidate.key)
        decision = failover.judged(rejected(Fault.INCOMPATIBLE), now)
    return turn


@settings(max_examples=200)
@given(choosers(), questions, st.data(), st.sampled_from(LATER))
def test_the_reports_name_the_candidates_that_are_tried_in_order(
    selector: Selector, question: ExplainQuery, data: st.DataObject, later: float
) -> None:
    take_over(selector, as_a_request(question), data)
    healths = {name: data.draw(health(name)) for name in NAMES}
    explanation = explain_request(question, selector, healths, NOW + later)
    turn = asked_in_turn(selector, as_a_request(question), healths, NOW + later)
    assert [(report.provider, report.model) for report in explanation.candidates if report.place] == turn
    assert [report.place for report in explanation.candidates] == [
        *range(1, len(turn) + 1),
        *[0] * _left_out(explanation),
    ]
    assert explanation.verdict.startswith(_opening(explanation, turn))


def _left_out(explanation: Explanation) -> int:
    return sum(not report.place for report in explanation.candidates)


def _opening(explanation: Explanation, turn: list[tuple[str, str]]) -> tuple[str, ...]:
    if not turn:
        return ("No provider is tried. ", "no provider is named ")
    first = turn[0][0]
    return f"{first} would be tried", f"All providers are in cooldown. {first}, which returns first, "
