"""What a provider rejects and the request can do without, by the provider's own error.

the error's body ─► error_texts ─┬─► infer_rules ─► ProposedRules, to send the request with
the request that was sent ───────┘
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from claude_proxy.core.adapt import Adapted
from claude_proxy.core.learning.error_texts import THINKING_WITHIN, Pattern, error_texts
from claude_proxy.core.learning.rule_inference import infer_rules
from claude_proxy.core.learning.sent_request import SentRequest
from claude_proxy.core.traits import ALL_THINKING, UNKNOWN_THINKING, Kind, Rule

_REFUSAL_STATUSES: Final = frozenset({400, 404, 415, 422})
"""404 and 415 are what some providers answer to an image."""

_SAYS_NOTHING: Final = frozenset({504, 529})

MAX_RULES: Final = 16
"""Rules from one error: some list everything that they reject."""


class ProposedRules(msgspec.Struct, frozen=True, gc=False):
    """Rules that may make a request acceptable. Those that are not lasting hold for this one request only."""

    rules: frozenset[Rule]
    lasting: bool = True


def can_refuse(status: int) -> bool:
    """Whether an error with this status may be about the request.

    A 5xx may be: local servers answer it if a chat template, or the lack of a projector for images, refuses a request.
    """
    return status in _REFUSAL_STATUSES or (status >= 500 and status not in _SAYS_NOTHING)


def propose_rules(status: int, body: bytes, sent: Adapted) -> tuple[ProposedRules, ...]:
    """Return rules to try, the milder first; none if the error is the user's own, or is not understood."""
    if not can_refuse(status):
        return ()
    texts, request = error_texts(body), SentRequest(sent)
    about_thinking = _rules_about_thinking(texts, request)
    if about_thinking:
        return about_thinking
    rules = list(dict.fromkeys(_rules(texts, request)))[:MAX_RULES]
    return (ProposedRules(frozenset(rules)),) if rules else ()


def _rules(texts: tuple[str, ...], sent: SentRequest) -> Iterator[Rule]:
    for text in texts:
        yield from infer_rules(text, sent)


_NO_THINKING_FIRST: Final = Pattern(
    r"must start with a thinking block", r"expected .{0,3}thinking.{0,3} or .{0,3}redacted_thinking.{0,3}, but found"
)
"""The last tool call lacks the thinking that has to come before it: it can only continue without any."""

_MISPLACED: Final = Pattern(
    rf"{THINKING_WITHIN}{{0,200}}(?:cannot be modified|bound to a different conversation)",
    r"非法请求",
    r"illegal request",
)
"""Whichever provider made the blocks, this one does not accept them in this conversation; in another it may."""

_SIGNATURE: Final = Pattern(
    r"invalid .{0,3}signature.{0,3} in .{0,3}thinking",
    r"thought signature is not valid",
    r"signature: (?:field required|extra inputs are not permitted)",
)


def _rules_about_thinking(texts: tuple[str, ...], sent: SentRequest) -> tuple[ProposedRules, ...]:
    if sent.thinking and any(map(_NO_THINKING_FIRST.search, texts)):
        return (ProposedRules(frozenset({ALL_THINKING, Rule(Kind.FIELD, "thinking")}), lasting=False),)
    if sent.blocks.isdisjoint({"thinking", "redacted_thinking"}):
        return ()
    if any(map(_MISPLACED.search, texts)):
        return (ProposedRules(frozenset({ALL_THINKING}), lasting=False),)
    if any(map(_SIGNATURE.search, texts)):
        return (ProposedRules(frozenset({UNKNOWN_THINKING})), ProposedRules(frozenset({ALL_THINKING}), lasting=False))
    return ()
