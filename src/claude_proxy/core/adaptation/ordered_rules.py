"""All adaptation rules, in the order in which they are applied, and what they change in words.

A new rule is an `AdaptationRule` in a file of this package and its place in `RULES`. Adapting, `explain`, `providers
show`, `rules` and the documentation all go through that tuple.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import groupby
from typing import Final, TypeAlias

from claude_proxy.core.adaptation.blocks import UNREADABLE_BLOCKS
from claude_proxy.core.adaptation.cache_control import CACHE_CONTROL
from claude_proxy.core.adaptation.call_ids import CALL_IDS
from claude_proxy.core.adaptation.conversation import adapt_messages
from claude_proxy.core.adaptation.draft import Draft
from claude_proxy.core.adaptation.fields import FIELDS
from claude_proxy.core.adaptation.model_limits import MAX_TOKENS, TOOL_CHOICE
from claude_proxy.core.adaptation.request_headers import BETAS, SESSION_HEADER
from claude_proxy.core.adaptation.rule import AdaptationRule, ChangeText
from claude_proxy.core.adaptation.safeguards import SAFEGUARDS
from claude_proxy.core.adaptation.system_prompt import BILLING_BLOCK
from claude_proxy.core.adaptation.system_role import SYSTEM_ROLE
from claude_proxy.core.adaptation.thinking_blocks import THINKING_BLOCKS
from claude_proxy.core.adaptation.thinking_mode import EFFORT, THINKING_MODE
from claude_proxy.core.adaptation.tool_names import TOOL_NAMES
from claude_proxy.core.adaptation.tool_schemas import TOOL_SCHEMAS
from claude_proxy.core.adaptation.tools import SERVER_TOOLS, TOOL_FIELDS
from claude_proxy.core.traits import Kind, ModelFacts, Rule, Traits

RULES: Final[tuple[AdaptationRule, ...]] = (
    BETAS,
    SESSION_HEADER,
    FIELDS,
    BILLING_BLOCK,
    SAFEGUARDS,
    TOOL_FIELDS,
    SERVER_TOOLS,
    TOOL_SCHEMAS,
    MAX_TOKENS,
    TOOL_CHOICE,
    THINKING_MODE,
    EFFORT,
    TOOL_NAMES,
    UNREADABLE_BLOCKS,
    CALL_IDS,
    SYSTEM_ROLE,
    THINKING_BLOCKS,
    CACHE_CONTROL,
)
"""Each works with what those before it have left."""

_Step: TypeAlias = Callable[[Draft], None]


def steps(rules: Iterable[AdaptationRule]) -> Iterator[_Step]:
    """Yield what is done in turn. Neighbours among the rules for messages share one pass over the conversation."""
    for apply, group in groupby(rules, key=lambda rule: rule.apply):
        if apply is None:
            yield partial(adapt_messages, rules=tuple(group))
        else:
            yield apply


_STEPS: Final = tuple(steps(RULES))


def apply_rules(draft: Draft) -> None:
    """Apply every rule to a draft."""
    for step in _STEPS:
        step(draft)


_LEARNED: Final = ", learned from its errors"
_NOT_SENT: Final = ChangeText("not sent", "requests of more than {} bytes")
_REJECTIONS: Final = {
    Kind.MAX_BYTES: _NOT_SENT,
    **{rejected: change for rule in RULES for rejected, change in rule.rejections.items()},
}


def describe_changes(traits: Traits, facts: ModelFacts, learned: Iterable[Rule] = ()) -> tuple[str, ...]:
    """Return what is changed for a model if the request holds it: `left out: the beta x, top_k`."""
    known = [change for rule in RULES for change in rule.describe(traits, facts)]
    grouped: dict[str, dict[str, None]] = {}
    for change in (*known, *_describe_rejections(traits.rejects, frozenset(learned))):
        if change.action:
            grouped.setdefault(change.action, {})[change.subject] = None  # each once, in this order
    groups = [f"{action}: {', '.join(subjects)}" for action, subjects in grouped.items()]
    return (*groups, *[change.subject for change in known if not change.action])


def _describe_rejections(known: frozenset[Rule], learned: frozenset[Rule]) -> Iterator[ChangeText]:
    for rule in sorted(known | learned, key=str):
        change = _change_for(rule)
        yield change if rule in known else change._replace(action=change.action + _LEARNED)


def _change_for(rule: Rule) -> ChangeText:
    change = _REJECTIONS.get(rule) or _REJECTIONS.get(rule.kind) or ChangeText("followed", "{}")
    return change._replace(subject=change.subject.format(rule.name))


def describe_rule(rule: Rule) -> str:
    """Return what one rule about a provider changes: `the beta x left out`."""
    change = _change_for(rule)
    return f"{change.subject} {change.action}"
