"""Whether a candidate is asked once more, without what it refused, and what is learned from that.

    Rejected ─► plan_retry ─► Retry: a request that differs ─► its outcome ─► rules_to_keep
                        └─► None: nothing that it names can be left out

At most two requests for each candidate: a provider that refuses one thing after the other teaches one rule a request.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import msgspec

from claude_proxy.core.adapt import Adapted
from claude_proxy.core.auth import Auth
from claude_proxy.core.learning.proposals import ProposedRules, can_refuse, propose_rules
from claude_proxy.core.outcome import Rejected
from claude_proxy.core.routing import Candidate
from claude_proxy.core.traits import Kind, Rule
from claude_proxy.core.types import Fault
from claude_proxy.proxy.attempt import Outcome

Adapt: TypeAlias = Callable[[frozenset[Rule]], Adapted]
"""Adapts the request by what its candidate is known for, and by these learned rules."""


class Retry(msgspec.Struct, frozen=True):
    """A second request to a candidate, and the rules that it tries."""

    adapted: Adapted
    tried: ProposedRules
    refused: Adapted
    """The first request."""
    refusal: Rejected
    new_rules: frozenset[Rule]
    """Those of the tried rules that were not known yet."""
    is_last: bool
    """Whether no stronger rules were proposed."""


def plan_retry(
    candidate: Candidate, refused: Adapted, refusal: Rejected, known: frozenset[Rule], adapt: Adapt
) -> Retry | None:
    """Return the request to send next; None if what the provider refuses can't be left out."""
    proposals = _applicable(candidate, refusal, refused)
    for proposal in proposals:
        adapted = adapt(known | proposal.rules)
        if (adapted.head, adapted.body) != (refused.head, refused.body):
            is_last = proposal is proposals[-1]
            return Retry(adapted, proposal, refused, refusal, proposal.rules - known, is_last)
    return None


def rules_to_keep(retry: Retry, outcome: Outcome) -> frozenset[Rule]:
    """Return the rules to remember after a retry: those that helped, or without which the next one would not come."""
    if retry.tried.lasting and (_has_helped(retry, outcome) or _leads_on(retry, outcome)):
        return retry.new_rules
    return frozenset()


def judged(retry: Retry, outcome: Outcome) -> Outcome:
    """Return what came of a retry: a 5xx that still refuses the request in words is no fault of the provider's."""
    if not isinstance(outcome, Rejected) or outcome.fault is not Fault.PROVIDER or outcome.reply is None:
        return outcome
    reply = outcome.reply
    if reply.status < 500 or retry.refusal.reply is None or not can_refuse(retry.refusal.reply.status):
        return outcome
    refuses = outcome.text == retry.refusal.text or propose_rules(reply.status, reply.body, retry.adapted)
    return replace(outcome, fault=Fault.INCOMPATIBLE) if refuses else outcome


def _applicable(candidate: Candidate, refusal: Rejected, refused: Adapted) -> tuple[ProposedRules, ...]:
    proposals = propose_rules(refusal.reply.status, refusal.reply.body, refused) if refusal.reply else ()
    if candidate.provider.auth is Auth.CLIENT:
        # a plan is served to Claude Code's request as it is; thinking of other providers is no part of that
        return tuple(proposal for proposal in proposals if all(rule.kind is Kind.THINKING for rule in proposal.rules))
    return proposals


def _has_helped(retry: Retry, outcome: Outcome) -> bool:
    """Whether the provider took the request, or refuses something else of it now."""
    if not isinstance(outcome, Rejected):
        return True
    reply = outcome.reply
    if reply is None or not can_refuse(reply.status) or outcome.text == retry.refusal.text:
        return False  # a fault of the provider's own says nothing of the request
    if outcome.fault in (Fault.QUOTA, Fault.INCOMPATIBLE):
        return False  # a limit behind a 400: the rest of the request was not looked at
    proposals = propose_rules(reply.status, reply.body, retry.refused)
    if reply.status >= 500 and not proposals:
        return False
    return all(retry.tried.rules.isdisjoint(proposal.rules) for proposal in proposals)


def _leads_on(retry: Retry, outcome: Outcome) -> bool:
    """Whether stronger rules are left for what is still refused: with these known, the next request tries those.

    Otherwise a conversation that needs both would be refused in each of its turns.
    """
    return isinstance(outcome, Rejected) and outcome.fault is Fault.REQUEST and not retry.is_last
