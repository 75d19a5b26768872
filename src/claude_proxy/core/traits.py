"""What a provider, and each of its models, is known to take: the table that adaptation works from.

The catalogue's facts and the rules learned from a provider's own errors say the same things, so both end here:
`Traits.having(rules)` is the one that counts for a request. The default is that of a provider of which nothing is
known: it gets what the client sent.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final


class Thinking(enum.Enum):
    """Which `thinking.type` a model takes. A model of which nothing is known gets what the client sent."""

    ADAPTIVE = "adaptive"
    """`adaptive` and `disabled`."""
    ADAPTIVE_ONLY = "adaptive-only"
    """`adaptive`, or none at all: it can't be turned off."""
    ENABLED = "enabled"
    """`enabled` and `disabled`."""
    ENABLED_ONLY = "enabled-only"
    ALWAYS = "always"
    """Anything but `disabled`: it can't be turned off."""


class ForcedTool(enum.Enum):
    """Whether a `tool_choice` of `any` or `tool` is taken."""

    YES = "yes"
    WITHOUT_THINKING = "without-thinking"
    NO = "no"


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens cost in US dollars; None where that is not known, 0 where they are free."""

    input: float | None = None
    output: float | None = None
    cache_read: float | None = None
    cache_write_5m: float | None = None
    cache_write_1h: float | None = None


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What is known of a model; sizes in tokens, None where nothing is."""

    context: int | None = None
    max_output: int | None = None
    images: bool | None = None
    """Whether it reads images."""
    thinking: Thinking | None = None
    forced_tool: ForcedTool = ForcedTool.YES
    price: Price = Price()


_DATE = len("20251001")


def known_of(models: Mapping[str, ModelFacts], name: str) -> ModelFacts | None:
    """Return what is known of a model, or None; what is known of `claude-haiku-4-5` holds for its dated name too."""
    known = models.get(name)
    if known is None:
        undated, _, date = name.rpartition("-")
        known = models.get(undated) if len(date) == _DATE and date.isdecimal() else None
    return known


class Kind(enum.Enum):
    """What a rule is about; the value is what `rules` and `x-claude-proxy-adapted` show."""

    FIELD = "field"
    """A field of the request, dotted where it stands inside another: `context_management`, `output_config.effort`."""
    TOOL_FIELD = "tool_field"
    """A field of each tool: `defer_loading`."""
    BETA = "beta"
    """A value of the `anthropic-beta` header; `*` is all of them."""
    BLOCK = "block"
    """A type of content block: `image`, `document`, `tool_reference`."""
    ROLE = "role"
    """A message's role: `system`."""
    THINKING = "thinking"
    """Thinking blocks: `unknown` are those of which it is not known who made them, `all` is every one."""
    THINKING_MODE = "thinking_mode"
    """A `thinking.type`: `adaptive`, `enabled` or `disabled`."""
    MARK = "mark"
    """A field of content blocks, wherever they stand, and of tools: `cache_control`, `cache_control.scope`."""
    REQUIRES = "requires"
    """Not what it refuses but what it asks for: the name of one of the `Traits` that are true or false."""


THINKING_ON_TOOL_TURNS = "thinking_on_tool_turns"
PLAIN_CALL_IDS = "plain_call_ids"
"""What a rule of `Kind.REQUIRES` can ask for."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that a provider does not take."""

    kind: Kind
    name: str

    @classmethod
    def parse(cls, text: str) -> Rule:
        """Read a rule as it is written: `block:image`. Raises `ValueError` for an unknown kind."""
        kind, _, name = text.partition(":")
        return cls(Kind(kind), name)

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.name}"


UNKNOWN_THINKING: Final = Rule(Kind.THINKING, "unknown")
"""Thinking stays only where it is known that this provider made it."""

ALL_THINKING: Final = Rule(Kind.THINKING, "all")
"""None stays, whoever made it."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What a provider takes, whichever of its models is asked."""

    is_anthropic: bool = False
    """It is Anthropic itself, which wants Claude Code's billing block as it is."""
    checks_signatures: bool = False
    """It refuses a thinking block that it did not sign: Anthropic, and those who serve Claude for it."""
    rejects: frozenset[Rule] = frozenset()
    thinking_on_tool_turns: bool = False
    """While it thinks, each earlier message with a tool call must hold thinking, whoever made it."""
    plain_call_ids: bool = False
    """Ids of tool calls may hold letters, digits, `_` and `-` alone. So it is wherever signatures are checked."""
    server_tools: tuple[str, ...] | None = None
    """The beginnings of the types of server tools that it has (`web_search_`); None: not known, so they are sent."""
    efforts: tuple[str, ...] = ()
    """The values of `output_config.effort` that it takes, from least to most; empty: any."""
    effort_without_thinking: bool = True
    """Whether `output_config.effort` may stand beside `thinking` that is disabled."""
    input_counts_cache: bool = False
    """Its `input_tokens` are the whole context, with the tokens from the cache in them."""
    session_header: str = ""
    """The header, in lower case, in which it wants to be told one conversation from another; empty: none."""
    reset_utc_offset: float = 0.0
    """Hours east of UTC in which it writes times without a zone."""

    def having(self, rules: Iterable[Rule]) -> Traits:
        """Return these traits with learned rules added."""
        rules = frozenset(rules)
        return _having(self, rules) if rules else self

    def thinking(self, known: Thinking | None) -> Thinking | None:
        """Return which `thinking.type` a model takes, by what is `known` of it and what it was learned to refuse."""
        refused = self.names(Kind.THINKING_MODE)
        if not refused:
            return known
        taken = _TAKES[known] - refused or _TAKES[None] - refused  # what is learned is newer than what is known
        return _NAMED.get(taken, known)

    def names(self, kind: Kind) -> frozenset[str]:
        """Return what of a kind it does not take."""
        return frozenset(rule.name for rule in self.rejects if rule.kind is kind)


_TAKES = {
    None: frozenset({"adaptive", "enabled", "disabled"}),
    Thinking.ADAPTIVE: frozenset({"adaptive", "disabled"}),
    Thinking.ADAPTIVE_ONLY: frozenset({"adaptive"}),
    Thinking.ENABLED: frozenset({"enabled", "disabled"}),
    Thinking.ENABLED_ONLY: frozenset({"enabled"}),
    Thinking.ALWAYS: frozenset({"adaptive", "enabled"}),
}
_NAMED = {types: thinking for thinking, types in _TAKES.items()}


@lru_cache(maxsize=256)
def _having(traits: Traits, rules: frozenset[Rule]) -> Traits:
    asked = {rule.name for rule in rules if rule.kind is Kind.REQUIRES}
    return replace(
        traits,
        rejects=traits.rejects | rules,
        thinking_on_tool_turns=traits.thinking_on_tool_turns or THINKING_ON_TOOL_TURNS in asked,
        plain_call_ids=traits.plain_call_ids or PLAIN_CALL_IDS in asked,
    )
