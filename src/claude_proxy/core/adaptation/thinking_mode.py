"""Rules for whether and how the model thinks: `thinking`, and `output_config.effort` beside it."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Any, Final

from claude_proxy.core.adaptation.draft import Draft
from claude_proxy.core.adaptation.rule import AdaptationRule, ChangeText
from claude_proxy.core.traits import Kind, ModelFacts, Thinking, Traits

MIN_BUDGET: Final = 1024
"""The API accepts no smaller `budget_tokens`, and it must be below `max_tokens`."""

MAX_BUDGET: Final = 31_999
"""The budget that Claude Code itself gives to models without adaptive thinking."""

_ALWAYS_ON: Final = frozenset({Thinking.ADAPTIVE_ONLY, Thinking.ENABLED_ONLY, Thinking.ALWAYS})

_TRANSLATIONS: Final[dict[Thinking, dict[str, str | None]]] = {
    Thinking.ADAPTIVE: {"enabled": "adaptive"},
    Thinking.ADAPTIVE_ONLY: {"enabled": "adaptive", "disabled": None},
    Thinking.ENABLED: {"adaptive": "enabled"},
    Thinking.ENABLED_ONLY: {"adaptive": "enabled", "disabled": "enabled"},
    Thinking.ALWAYS: {"disabled": None},
}
"""From the type that a client sends to the one that such a model accepts; None: the field is removed."""

_DESCRIPTIONS: Final = {
    Thinking.ADAPTIVE: "thinking requested as adaptive",
    Thinking.ADAPTIVE_ONLY: "thinking requested as adaptive, and never turned off",
    Thinking.ENABLED: "thinking requested as enabled, with a budget",
    Thinking.ENABLED_ONLY: "thinking requested as enabled, and never turned off",
    Thinking.ALWAYS: "thinking never turned off",
}


def translate_thinking(draft: Draft) -> None:
    """Translate `thinking` into a type that the model accepts."""
    if "thinking" in draft.constraints.fields:
        _drop_thinking_edits(draft)
    accepted, thinking = draft.constraints.facts.thinking, draft.members("thinking")
    if accepted is None or thinking is None:
        return
    requested = thinking.get("type")
    if not isinstance(requested, str) or requested not in _TRANSLATIONS[accepted]:
        return
    translated = _TRANSLATIONS[accepted][requested]
    if translated is None:
        draft.drop("thinking")
    elif translated == "adaptive":
        kept = {name: value for name, value in thinking.items() if name != "budget_tokens"}
        draft.write("thinking", {**kept, "type": "adaptive"})
    else:
        translated = _enable(draft)
    draft.changes.note(f"thinking:{requested}>{translated or 'none'}")


def _enable(draft: Draft) -> str:
    max_tokens = draft.value("max_tokens")
    budget = min(MAX_BUDGET, max_tokens - 1) if isinstance(max_tokens, int) else MAX_BUDGET
    if budget < MIN_BUDGET and can_turn_off(draft):
        turn_off(draft)
        return "disabled"
    draft.write("thinking", {"type": "enabled", "budget_tokens": max(MIN_BUDGET, budget)})
    return "enabled"


def is_on(draft: Draft) -> bool:
    """Tell whether the model will think, as far as that is known."""
    return draft.constraints.facts.thinking in _ALWAYS_ON or _requested_type(draft) in ("enabled", "adaptive")


def can_turn_off(draft: Draft) -> bool:
    """Tell whether `thinking` may be `disabled`."""
    return draft.constraints.facts.thinking not in _ALWAYS_ON and "thinking" not in draft.constraints.fields


def turn_off(draft: Draft) -> None:
    """Let the model answer without thinking."""
    draft.write("thinking", {"type": "disabled"})
    _drop_thinking_edits(draft)


def drop_thinking(draft: Draft) -> None:
    """Send no `thinking` field at all."""
    draft.drop("thinking")
    _drop_thinking_edits(draft)


def _drop_thinking_edits(draft: Draft) -> None:
    """Remove the edits of `context_management` that Anthropic accepts only with thinking: `clear_thinking_…`."""
    management = draft.members("context_management") or {}
    edits = management.get("edits")
    if not isinstance(edits, list):
        return
    kept = [edit for edit in edits if not _clears_thinking(edit)]
    if len(kept) == len(edits):
        return
    if kept:
        draft.write("context_management", {**management, "edits": kept})
    else:
        draft.drop_member("context_management", ["edits"])
    draft.changes.note("field:context_management.edits")


def _clears_thinking(edit: Any) -> bool:
    return isinstance(edit, dict) and str(edit.get("type")).startswith("clear_thinking_")


def _describe_thinking(traits: Traits, facts: ModelFacts) -> Iterator[ChangeText]:
    del traits
    if facts.thinking:
        yield ChangeText("", _DESCRIPTIONS[facts.thinking])


THINKING_MODE: Final = AdaptationRule(
    name="thinking-mode",
    records=MappingProxyType(
        {
            "thinking:adaptive>enabled": (
                "Changes the thinking mode to one that the model has; `none` removes the field."
            ),
        }
    ),
    apply=translate_thinking,
    describe=_describe_thinking,
    rejections=MappingProxyType({Kind.THINKING_MODE: ChangeText("not requested", "thinking in the mode {}")}),
)

_LOW_EFFORTS: Final = ("low", "medium")
_HIGH_EFFORTS: Final = ("high", "xhigh", "max")


def limit_effort(draft: Draft) -> None:
    """Replace an effort that the provider does not have by the nearest, or drop it if it needs thinking to be on."""
    traits = draft.constraints.traits
    if traits.effort_without_thinking and not traits.efforts:
        return
    config = draft.members("output_config") or {}
    effort = config.get("effort")
    if effort is None:
        return
    if not traits.effort_without_thinking and _requested_type(draft) == "disabled":
        draft.drop_member("output_config", ["effort"])
        draft.changes.note("field:output_config.effort")
    elif traits.efforts and effort not in traits.efforts:
        nearest = traits.efforts[-1 if effort in _HIGH_EFFORTS else 0]
        draft.write("output_config", {**config, "effort": nearest})
        draft.changes.note(f"effort:{effort if effort in (*_LOW_EFFORTS, *_HIGH_EFFORTS) else 'unknown'}>{nearest}")


def _requested_type(draft: Draft) -> Any:
    return (draft.members("thinking") or {}).get("type")


def _describe_effort(traits: Traits, facts: ModelFacts) -> Iterator[ChangeText]:
    del facts
    if traits.efforts:
        yield ChangeText("", f"the effort limited to {', '.join(traits.efforts)}")
    if not traits.effort_without_thinking:
        yield ChangeText("", "no effort while thinking is off")


EFFORT: Final = AdaptationRule(
    name="effort",
    records=MappingProxyType(
        {
            "effort:medium>high": "Chooses the nearest effort that the provider accepts.",
        }
    ),
    apply=limit_effort,
    describe=_describe_effort,
)
