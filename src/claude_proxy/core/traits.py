"""What a provider, and each of its models, is known to accept: adaptation goes by it.

The catalogue's facts and the rules learned from a provider's own errors are about the same things, so both end up here:
`Traits.having(rules)` is what counts for a request. The defaults are for a provider about which nothing is known: it
gets what the client sent.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, TypeVar


class Thinking(enum.Enum):
    """Which `thinking.type` a model accepts. If nothing is known of a model, it gets what the client sent."""

    ADAPTIVE = "adaptive"
    """`adaptive` and `disabled`."""
    ADAPTIVE_ONLY = "adaptive-only"
    """`adaptive`, or no `thinking` at all: it cannot be turned off."""
    ENABLED = "enabled"
    """`enabled` and `disabled`."""
    ENABLED_ONLY = "enabled-only"
    ALWAYS = "always"
    """Anything but `disabled`: it cannot be turned off."""


class ForcedTool(enum.Enum):
    """Whether a `tool_choice` of `any` or `tool` is accepted."""

    YES = "yes"
    WITHOUT_THINKING = "without-thinking"
    NO = "no"


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What is known of a model; sizes in tokens, None if not known."""

    context: int | None = None
    max_output: int | None = None
    images: bool | None = None
    """Whether it reads images."""
    thinking: Thinking | None = None
    forced_tool: ForcedTool = ForcedTool.YES


T = TypeVar("T")
_DATE = len("20251001")


def known_of(models: Mapping[str, T], name: str) -> T | None:
    """Return what is known of a model, or None. What is known of `claude-haiku-4-5` holds for its dated name too."""
    known = models.get(name)
    if known is None:
        undated, _, date = name.rpartition("-")
        known = models.get(undated) if len(date) == _DATE and date.isdecimal() else None
    return known


class Kind(enum.Enum):
    """What a rule is about; its value is what `rules` and `x-claude-proxy-adapted` show."""

    FIELD = "field"
    """A field of the request, dotted if it is inside another: `context_management`, `output_config.effort`."""
    TOOL_FIELD = "tool_field"
    """A field of each tool: `defer_loading`."""
    BETA = "beta"
    """A value of the `anthropic-beta` header; `*` is all of them."""
    BLOCK = "block"
    """A type of content block: `image`, `document`, `tool_reference`."""
    ROLE = "role"
    """A message's role: `system`."""
    THINKING = "thinking"
    """Thinking blocks: `unknown` for those whose owner is not known, `all` for every one."""
    THINKING_MODE = "thinking_mode"
    """A `thinking.type`: `adaptive`, `enabled` or `disabled`."""
    MARK = "mark"
    """A field of content blocks, wherever they are, and of tools: `cache_control`, `cache_control.scope`."""
    MAX_OUTPUT = "max_output"
    """The most `max_tokens` that a model accepts: `64000`."""
    MAX_BYTES = "max_bytes"
    """The largest request that it takes, in bytes: `33554432`."""
    SCHEMA = "schema"
    """A keyword in the schemas of tools: `format`; `type-beside-anyOf` is both of these in one schema."""
    TOOL_NAME = "tool_name"
    """Names of tools: `odd` for those that begin with a digit, are long or hold other characters."""
    REQUIRES = "requires"
    """Something that it requires, not rejects: the name of one of the `Traits` that are true or false."""


THINKING_ON_TOOL_TURNS = "thinking_on_tool_turns"
PLAIN_CALL_IDS = "plain_call_ids"
"""What a rule of `Kind.REQUIRES` can name."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that a provider does not accept, or that it requires."""

    kind: Kind
    name: str

    @classmethod
    def parse(cls, text: str) -> Rule:
        """Read a rule as it is written: `block:image`. Raises `ValueError` for an unknown kind."""
        kind, _, name = text.partition(":")
        return cls(Kind(kind), name)

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.name}"


TYPE_BESIDE_ANY_OF: Final = "type-beside-anyOf"
ODD_TOOL_NAME: Final = Rule(Kind.TOOL_NAME, "odd")

UNKNOWN_THINKING: Final = Rule(Kind.THINKING, "unknown")
"""Thinking is kept only if it is known that this provider made it."""

ALL_THINKING: Final = Rule(Kind.THINKING, "all")
"""No thinking is kept, whichever provider made it."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What a provider accepts, for all of its models."""

    is_anthropic: bool = False
    """It is Anthropic itself, which gets Claude Code's billing block as it is."""
    checks_signatures: bool = False
    """It rejects a thinking block that it did not sign: Anthropic, and other providers of Claude."""
    rejects: frozenset[Rule] = frozenset()
    thinking_on_tool_turns: bool = False
    """While thinking is on, each earlier message with a tool call must hold thinking, whichever provider made it."""
    plain_call_ids: bool = False
    """Ids of tool calls may hold letters, digits, `_` and `-` only, each once. So it is if signatures are checked."""
    server_tools: tuple[str, ...] | None = None
    """How the types of its server tools begin (`web_search_`); None: not known, so all are sent."""
    efforts: tuple[str, ...] = ()
    """The values of `output_config.effort` that it accepts, from least to most; empty: any."""
    effort_without_thinking: bool = True
    """Whether it accepts `output_config.effort` while `thinking` is disabled."""
    input_counts_cache: bool = False
    """Its `input_tokens` include the tokens from the cache."""
    session_header: str = ""
    """The header, in lower case, by which it tells conversations apart; empty: none."""
    reset_utc_offset: float = 0.0
    """Hours east of UTC in which it writes times without a zone."""

    def having(self, rules: Iterable[Rule]) -> Traits:
        """Return these traits with learned rules added."""
        rules = frozenset(rules)
        return _having(self, rules) if rules else self

    def thinking(self, known: Thinking | None) -> Thinking | None:
        """Return which `thinking.type` a model accepts, by what is `known` of it and what it rejects."""
        rejected = self.names(Kind.THINKING_MODE)
        if not rejected:
            return known
        accepted = _ACCEPTED[known] - rejected or _ACCEPTED[None] - rejected  # learned rules are newer than facts
        return _BY_ACCEPTED.get(accepted, known)

    def max_output(self, known: int | None) -> int | None:
        """Return the most `max_tokens` that a model accepts, by what is `known` of it and what it rejected."""
        limits = [int(name) for name in self.names(Kind.MAX_OUTPUT) if name.isdecimal()]
        return min([*limits, known or limits[0]]) if limits else known

    @property
    def max_bytes(self) -> int | None:
        """The largest request that it takes, as far as that is known."""
        return min((int(name) for name in self.names(Kind.MAX_BYTES) if name.isdecimal()), default=None)

    def names(self, kind: Kind) -> frozenset[str]:
        """Return the names of what it rejects of one kind."""
        return frozenset(rule.name for rule in self.rejects if rule.kind is kind)


_ACCEPTED = {
    None: frozenset({"adaptive", "enabled", "disabled"}),
    Thinking.ADAPTIVE: frozenset({"adaptive", "disabled"}),
    Thinking.ADAPTIVE_ONLY: frozenset({"adaptive"}),
    Thinking.ENABLED: frozenset({"enabled", "disabled"}),
    Thinking.ENABLED_ONLY: frozenset({"enabled"}),
    Thinking.ALWAYS: frozenset({"adaptive", "enabled"}),
}
_BY_ACCEPTED = {types: thinking for thinking, types in _ACCEPTED.items()}


@lru_cache(maxsize=256)
def _having(traits: Traits, rules: frozenset[Rule]) -> Traits:
    required = {rule.name for rule in rules if rule.kind is Kind.REQUIRES}
    return replace(
        traits,
        rejects=traits.rejects | rules,
        thinking_on_tool_turns=traits.thinking_on_tool_turns or THINKING_ON_TOOL_TURNS in required,
        plain_call_ids=traits.plain_call_ids or PLAIN_CALL_IDS in required,
    )
