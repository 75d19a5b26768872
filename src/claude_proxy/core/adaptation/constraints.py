"""What one provider and model take of a request: all that the rules are held against."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from claude_proxy.core.routing import Candidate
from claude_proxy.core.traits import ALL_THINKING, UNKNOWN_THINKING, Kind, ModelFacts, Rule, Traits
from claude_proxy.core.types import Auth, Upstream

_PROTECTED: Final = frozenset({"model", "messages", "system", "tools", "max_tokens", "stream"})
"""Fields that no rule takes out: without them it would be another request."""

_NEVER_REPLACED: Final = frozenset({"text", "thinking", "tool_use", "tool_result"})
"""Blocks that a conversation consists of."""

LOGIN_BETA: Final = "oauth-2025-04-20"
"""It belongs to the client's own login, which goes to the provider that takes that and to no other."""

_THINKING: Final = (UNKNOWN_THINKING, ALL_THINKING)


@dataclass(frozen=True, slots=True)
class Constraints:
    """A provider's traits and a model's facts, sorted by the rules that ask for them."""

    upstream: Upstream
    traits: Traits
    facts: ModelFacts
    fields: tuple[str, ...]
    tool_fields: frozenset[str]
    betas: frozenset[bytes]
    blocks: frozenset[str]
    marks: frozenset[str]
    """`cache_control`, or a part of it such as `cache_control.scope`."""
    folds_system: bool
    """Whether a message of the role `system` has to become part of its neighbour."""
    drops_unknown: bool
    """Whether thinking goes of which it is not known who made it."""
    drops_all: bool
    """Whether all thinking goes."""
    plain_call_ids: bool
    """Whether ids of tool calls may hold letters, digits, `_` and `-` alone: where Claude is served."""


def constraints_of(candidate: Candidate, rules: frozenset[Rule]) -> Constraints:
    """Return a candidate's terms, with what was learned of it."""
    provider = candidate.provider
    return _terms(provider.upstream, provider.traits, candidate.facts, rules, as_it_is=provider.auth is Auth.CLIENT)


@lru_cache(maxsize=256)  # the same for each request to a model, until something new is learned
def _terms(
    upstream: Upstream, traits: Traits, facts: ModelFacts, rules: frozenset[Rule], *, as_it_is: bool
) -> Constraints:
    traits = traits.having(rules)
    facts = replace(facts, thinking=traits.thinking(facts.thinking))
    if as_it_is:
        # a plan's login serves Claude Code's own requests as they are, so no more is changed than would be refused
        kept = traits.rejects.intersection(_THINKING)
        traits, facts = Traits(is_anthropic=True, checks_signatures=True, rejects=kept), ModelFacts()
    betas = {beta.encode() for beta in traits.names(Kind.BETA)}
    blocks = traits.names(Kind.BLOCK) | ({"image"} if facts.images is False else set())
    unknown, every = (rule in traits.rejects for rule in _THINKING)
    every = every or "thinking" in blocks
    return Constraints(
        upstream=upstream,
        traits=replace(traits, rejects=frozenset()),
        facts=facts,
        fields=tuple(sorted(field for field in traits.names(Kind.FIELD) if field.partition(".")[0] not in _PROTECTED)),
        tool_fields=traits.names(Kind.TOOL_FIELD) - {"name", "type", "input_schema"},
        betas=frozenset(betas if as_it_is else betas | {LOGIN_BETA.encode()}),
        blocks=blocks - _NEVER_REPLACED,
        marks=traits.names(Kind.MARK),
        folds_system=Rule(Kind.ROLE, "system") in traits.rejects,
        drops_unknown=unknown or every,
        drops_all=every,
        plain_call_ids=traits.is_anthropic or traits.checks_signatures or traits.plain_call_ids,
    )
