"""A refusal that can be mended: what an error says that its provider does not take, and that it can do without.

the error's body ─► complaints ─► refusals ─┬─► Lesson, the rules to send it with
the request that was sent ──────────────────┘
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from claude_proxy.core.adapt import Adapted
from claude_proxy.core.learning.error_texts import error_texts, pattern
from claude_proxy.core.learning.rule_inference import infer_rules
from claude_proxy.core.learning.sent_request import SentRequest
from claude_proxy.core.traits import ALL_THINKING, UNKNOWN_THINKING, Kind, Rule

REFUSAL_STATUSES: Final = frozenset({400, 415, 422, 501})
"""The last two are what some answer to an image."""

MAX_RULES: Final = 16
"""Rules that one error teaches: some list all that they refuse."""


@dataclass(frozen=True, slots=True)
class ProposedRules:
    """Rules that may make a request fit; those that do not last are for this one request alone."""

    rules: frozenset[Rule]
    lasting: bool = True


def propose_rules(status: int, body: bytes, sent: Adapted) -> tuple[ProposedRules, ...]:
    """Return what an error teaches, the milder first; none where it is the user's own, or not understood."""
    if status not in REFUSAL_STATUSES:
        return ()
    texts, request = error_texts(body), SentRequest(sent)
    about_thinking = _about_thinking(texts, request)
    if about_thinking:
        return about_thinking
    rules = list(dict.fromkeys(_rules(texts, request)))[:MAX_RULES]
    return (ProposedRules(frozenset(rules)),) if rules else ()


def _rules(texts: tuple[str, ...], sent: SentRequest) -> Iterator[Rule]:
    for text in texts:
        yield from infer_rules(text, sent)


_WITHOUT_LEAD: Final = pattern(
    r"must start with a thinking block", r"expected .{0,3}thinking.{0,3} or .{0,3}redacted_thinking.{0,3}, but found"
)
"""The last call of a tool lacks the thinking that has to stand before it: it can only go on without any."""

_BOUND: Final = pattern(
    r"thinking[^\n]{0,200}(?:cannot be modified|bound to a different conversation)", r"非法请求", r"illegal request"
)
"""Whoever made the blocks, they do not stand as this provider wants them; another conversation's may."""

_SIGNATURE: Final = pattern(
    r"invalid .{0,3}signature.{0,3} in .{0,3}thinking",
    r"thought signature is not valid",
    r"signature: (?:field required|extra inputs are not permitted)",
)


def _about_thinking(texts: tuple[str, ...], sent: SentRequest) -> tuple[ProposedRules, ...]:
    if sent.thinking and any(map(_WITHOUT_LEAD.search, texts)):
        return (ProposedRules(frozenset({ALL_THINKING, Rule(Kind.FIELD, "thinking")}), lasting=False),)
    if sent.blocks.isdisjoint({"thinking", "redacted_thinking"}):
        return ()
    if any(map(_BOUND.search, texts)):
        return (ProposedRules(frozenset({ALL_THINKING}), lasting=False),)
    if any(map(_SIGNATURE.search, texts)):
        return (ProposedRules(frozenset({UNKNOWN_THINKING})), ProposedRules(frozenset({ALL_THINKING}), lasting=False))
    return ()
