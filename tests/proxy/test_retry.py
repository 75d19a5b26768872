"""Whether a refused request is sent once more, and which rules are kept after that."""

from __future__ import annotations

import pytest

from claude_proxy.core.adapt import Adapted, adapt
from claude_proxy.core.auth import Auth
from claude_proxy.core.learning.proposals import ProposedRules
from claude_proxy.core.messages import error_body
from claude_proxy.core.outcome import Rejected, Whole
from claude_proxy.core.reasons import Reason
from claude_proxy.core.traits import Rule
from claude_proxy.core.types import Fault, Reply
from claude_proxy.proxy.attempt import Outcome
from claude_proxy.proxy.retry import Retry, plan_retry, rules_to_keep
from core.builders import candidate, compact, error, provider, request, rules

BODY = compact(
    {"model": "m", "messages": [{"role": "user", "content": "hi"}, {"role": "system", "content": "be kind"}]}
)
NO_ROLE = "messages[1].role: unknown variant `system`, expected `user` or `assistant`"
ROLE = rules("role:system")
NOTHING_KNOWN = frozenset[Rule]()


def refusal(text: str = NO_ROLE, status: int = 400, fault: Fault = Fault.REQUEST) -> Rejected:
    return Rejected(fault, Reason.STATUS, status, text, None, error("invalid_request_error", status, text))


def plan(
    rejected: Rejected, known: frozenset[Rule] = NOTHING_KNOWN, auth: Auth = Auth.BEARER, body: bytes = BODY
) -> Retry | None:
    to = candidate(provider(auth=auth))

    def adapt_with(applied: frozenset[Rule]) -> Adapted:
        return adapt(request(body), to, applied)

    return plan_retry(to, adapt_with(known), rejected, known, adapt_with)


def test_plans_a_request_without_what_was_refused() -> None:
    retry = plan(refusal())
    assert retry
    assert (retry.new_rules, retry.is_last) == (ROLE, True)
    assert b'"role":"system"' in retry.refused.body
    assert b'"role":"system"' not in retry.adapted.body


@pytest.mark.parametrize(
    "rejected",
    [
        pytest.param(Rejected(Fault.PROVIDER, Reason.RESET), id="no error to read"),
        pytest.param(refusal(status=529, fault=Fault.PROVIDER), id="a status that is no refusal"),
        pytest.param(refusal("max_tokens must be positive"), id="an error of the user's own"),
        pytest.param(refusal("messages[0].content: unsupported block type `image`"), id="nothing of it in the request"),
    ],
)
def test_plans_nothing_if_nothing_can_be_left_out(rejected: Rejected) -> None:
    assert plan(rejected) is None


def test_plans_nothing_if_the_rule_is_applied_already() -> None:
    assert plan(refusal(), ROLE) is None


THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "abc="}
WITH_THINKING = compact(
    {
        "model": "m",
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": [THOUGHT]}],
    }
)


@pytest.mark.parametrize(
    ("text", "for_a_plan"),
    [
        pytest.param("Invalid `signature` in `thinking` block", True, id="thinking of others alone"),
        pytest.param("a final message must start with a thinking block", False, id="thinking as a whole"),
    ],
)
def test_a_plans_request_is_changed_in_its_thinking_of_others_alone(text: str, for_a_plan: bool) -> None:
    assert plan(refusal(text), body=WITH_THINKING)
    assert (plan(refusal(text), auth=Auth.CLIENT, body=WITH_THINKING) is not None) is for_a_plan
    assert plan(refusal(), auth=Auth.CLIENT) is None


ACCEPTED = Whole(Reply(200, (), b"{}"))
OTHER = "max_tokens: 9 is above the limit"


@pytest.mark.parametrize(
    ("outcome", "kept"),
    [
        pytest.param(ACCEPTED, True, id="accepted"),
        pytest.param(refusal(OTHER), True, id="refused for something else"),
        pytest.param(refusal(), False, id="refused with the same error"),
        pytest.param(refusal(f"again, {NO_ROLE}"), False, id="refused for the same thing in other words"),
        pytest.param(refusal(OTHER, fault=Fault.INCOMPATIBLE), False, id="a limit behind a 400"),
        pytest.param(refusal(OTHER, fault=Fault.QUOTA), False, id="a quota behind a 400"),
        pytest.param(refusal(OTHER, 529, Fault.PROVIDER), False, id="a fault of the provider"),
        pytest.param(Rejected(Fault.PROVIDER, Reason.RESET), False, id="no answer"),
    ],
)
def test_keeps_the_rules_only_if_they_helped(outcome: Outcome, kept: bool) -> None:
    retry = plan(refusal())
    assert retry
    assert rules_to_keep(retry, outcome) == (ROLE if kept else frozenset())


@pytest.mark.parametrize(("is_last", "fault", "kept"), [(False, Fault.REQUEST, True), (True, Fault.REQUEST, False)])
def test_keeps_rules_that_did_not_help_if_stronger_ones_are_left(is_last: bool, fault: Fault, kept: bool) -> None:
    retry = plan(refusal())
    assert retry
    retry = Retry(retry.adapted, retry.tried, retry.refused, retry.refusal, retry.new_rules, is_last)
    assert rules_to_keep(retry, refusal(fault=fault)) == (ROLE if kept else frozenset())
    assert rules_to_keep(retry, refusal(fault=Fault.PROVIDER)) == frozenset()


def test_keeps_no_rules_that_are_for_one_request_alone() -> None:
    retry = plan(refusal())
    assert retry
    passing = ProposedRules(ROLE, lasting=False)
    once = Retry(retry.adapted, passing, retry.refused, retry.refusal, retry.new_rules, is_last=True)
    assert rules_to_keep(once, ACCEPTED) == frozenset()


def test_the_error_is_read_from_the_reply_and_not_from_its_shown_text() -> None:
    shown = Rejected(Fault.REQUEST, Reason.STATUS, 400, "no", None, Reply(400, (), error_body("x", NO_ROLE)))
    assert plan(shown)
