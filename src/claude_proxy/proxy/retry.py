"""A candidate is asked; what it refuses is taken out, and it is asked once more.

    attempt ─► Rejected ─► lessons ─► a request that differs ─► attempt ─► whatever comes of it
                                                                   └─ the rules are kept, where they helped

At most two requests for each candidate: a provider that refuses one thing after the other teaches one rule a request.
"""

from __future__ import annotations

from typing import Final

from claude_proxy.core.adapt import Adapted
from claude_proxy.core.judge import Accepted, Outcome, Rejected
from claude_proxy.core.learning.learned_rules import LIFETIME, LearnedRule
from claude_proxy.core.learning.proposals import REFUSAL_STATUSES, ProposedRules, propose_rules
from claude_proxy.core.request import MessagesRequest
from claude_proxy.core.routing import Candidate
from claude_proxy.core.traits import Kind, Rule
from claude_proxy.core.types import Auth, Fault
from claude_proxy.proxy.attempt import Stream
from claude_proxy.proxy.gateway import Gateway
from claude_proxy.proxy.recorder import Recorder

MAX_MESSAGE: Final = 200
"""Characters that are kept of the error that taught a rule."""


async def attempt(
    gateway: Gateway, notes: Recorder, candidate: Candidate, request: MessagesRequest
) -> tuple[Outcome, Stream | None]:
    """Ask a candidate, and once more where its refusal says what it can be spared; return what came of it last."""
    known = gateway.memory.learned_rules.rules(candidate.upstream_model, gateway.clock.wall())
    sent = notes.adapted(candidate, request, known)
    first, stream = await notes.attempt(candidate, request, sent)
    if isinstance(first, Accepted) or first.reply is None or first.reply.status not in REFUSAL_STATUSES:
        return first, stream
    taught = _applicable(candidate, first, sent)
    for lesson in taught:
        mended = notes.adapted(candidate, request, known | lesson.rules)
        if (mended.head, mended.body) != (sent.head, sent.body):
            message = notes.attempts[-1].text[:MAX_MESSAGE]
            again, stream = await notes.attempt(candidate, request, mended)
            helped = _helped(lesson, first, again, sent)
            if lesson.lasting and not notes.counting and (helped or _leads_on(lesson, taught, again)):
                _keep(gateway, candidate, lesson.rules - known, message)
            return again, stream
    return first, None


def _applicable(candidate: Candidate, rejected: Rejected, sent: Adapted) -> tuple[ProposedRules, ...]:
    found = propose_rules(rejected.reply.status, rejected.reply.body, sent) if rejected.reply else ()
    if candidate.provider.auth is Auth.CLIENT:
        # a plan is served to Claude Code's request as it is; thinking of others is no part of that
        return tuple(one for one in found if all(rule.kind is Kind.THINKING for rule in one.rules))
    return found


def _helped(lesson: ProposedRules, first: Rejected, again: Outcome, sent: Adapted) -> bool:
    """Whether the provider took the request, or refuses something else of it now; a fault of its own tells nothing."""
    if isinstance(again, Accepted):
        return True
    if again.reply is None or again.reply.status not in REFUSAL_STATUSES or again.text == first.text:
        return False
    if again.fault in (Fault.QUOTA, Fault.INCOMPATIBLE):
        return False  # a limit behind a 400: the rest of the request was not looked at
    complaints = propose_rules(again.reply.status, again.reply.body, sent)
    return all(lesson.rules.isdisjoint(one.rules) for one in complaints)


def _leads_on(lesson: ProposedRules, taught: tuple[ProposedRules, ...], again: Outcome) -> bool:
    """Whether a stronger lesson is left for what is refused still: with this one known, the next request begins there.

    Else a conversation that needs both would be refused in each of its turns.
    """
    refused = not isinstance(again, Accepted) and again.fault is Fault.REQUEST
    return refused and lesson is not taught[-1]


def _keep(gateway: Gateway, candidate: Candidate, rules: frozenset[Rule], message: str) -> None:
    now = gateway.clock.wall()
    for rule in rules:
        learned = LearnedRule(*candidate.upstream_model, rule, now, now + LIFETIME, message)
        gateway.memory.learned_rules.keep(learned)
