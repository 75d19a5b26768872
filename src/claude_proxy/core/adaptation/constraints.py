"""What one provider and model accept in a request, sorted by the adaptation rules that need to know it."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Final

import msgspec

from claude_proxy.core.auth import Auth
from claude_proxy.core.routing import Candidate
from claude_proxy.core.traits import ALL_THINKING, ODD_TOOL_NAME, UNKNOWN_THINKING, Kind, ModelFacts, Rule, Traits
from claude_proxy.core.types import Upstream

_PROTECTED: Final = frozenset({"model", "messages", "system", "tools", "max_tokens", "stream"})
"""Fields that no rule removes: without them it would be another request."""

_PROTECTED_OF_TOOLS: Final = frozenset({"name", "type", "input_schema"})

_NEVER_REPLACED: Final = frozenset({"text", "thinking", "tool_use", "tool_result"})
"""Blocks that a conversation consists of."""

LOGIN_BETA: Final = b"oauth-2025-04-20"
"""It belongs to the client's own login, so it goes only to the provider that takes that login."""

_THINKING: Final = (UNKNOWN_THINKING, ALL_THINKING)


class Constraints(msgspec.Struct, frozen=True, gc=False):
    """A provider's traits and a model's facts, learned rules included."""

    upstream: Upstream
    traits: Traits
    facts: ModelFacts
    fields: tuple[str, ...]
    tool_fields: frozenset[str]
    betas: frozenset[bytes]
    blocks: frozenset[str]
    marks: frozenset[str]
    """`cache_control`, or a part of it such as `cache_control.scope`."""
    rejects_system_role: bool
    drops_unknown_thinking: bool
    """Whether thinking is removed if it is not known which provider made it."""
    drops_all_thinking: bool
    schema_keywords: frozenset[str]
    """Keywords that are rejected in the schemas of tools."""
    plain_tool_names: bool
    """Whether names of tools have to be short, of letters, digits, `_` and `-`, and begin with a letter."""
    plain_call_ids: bool
    """Whether ids of tool calls may hold letters, digits, `_` and `-` only, each once: as for providers of Claude."""


def constraints_of(candidate: Candidate, rules: frozenset[Rule]) -> Constraints:
    """Return what a candidate accepts; `rules` were learned from its errors."""
    provider = candidate.provider
    return _constraints(
        provider.upstream, provider.traits, candidate.facts, rules, by_login=provider.auth is Auth.CLIENT
    )


@lru_cache(maxsize=256)  # the same for each request to a model, until a rule is learned
def _constraints(
    upstream: Upstream, traits: Traits, facts: ModelFacts, rules: frozenset[Rule], *, by_login: bool
) -> Constraints:
    traits = traits.having(rules)
    facts = replace(facts, thinking=traits.thinking(facts.thinking), max_output=traits.max_output(facts.max_output))
    if by_login:
        traits, facts = _unchanged(traits), ModelFacts()
    betas = {beta.encode() for beta in traits.names(Kind.BETA)}
    blocks = traits.names(Kind.BLOCK) | ({"image"} if facts.images is False else set())
    unknown, every = (rule in traits.rejects for rule in _THINKING)
    every = every or "thinking" in blocks
    return Constraints(
        upstream=upstream,
        traits=replace(traits, rejects=frozenset()),
        facts=facts,
        fields=tuple(sorted(field for field in traits.names(Kind.FIELD) if field.partition(".")[0] not in _PROTECTED)),
        tool_fields=traits.names(Kind.TOOL_FIELD) - _PROTECTED_OF_TOOLS,
        betas=frozenset(betas if by_login else betas | {LOGIN_BETA}),
        blocks=blocks - _NEVER_REPLACED,
        marks=traits.names(Kind.MARK),
        rejects_system_role=Rule(Kind.ROLE, "system") in traits.rejects,
        drops_unknown_thinking=unknown or every,
        drops_all_thinking=every,
        schema_keywords=traits.names(Kind.SCHEMA),
        plain_tool_names=ODD_TOOL_NAME in traits.rejects,
        plain_call_ids=traits.is_anthropic or traits.checks_signatures or traits.plain_call_ids,
    )


def _unchanged(traits: Traits) -> Traits:
    """Return traits by which a request for the client's own login is changed no more than would be rejected.

    The login's plan serves Claude Code's own requests as they are.
    """
    return Traits(
        is_anthropic=True,
        checks_signatures=True,
        rejects=traits.rejects.intersection(_THINKING),
        session_header=traits.session_header,
    )
