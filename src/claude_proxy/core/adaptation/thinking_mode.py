"""Whether and how the model thinks: `thinking`, and `output_config.effort` beside it."""

from __future__ import annotations

from typing import Any, Final

from claude_proxy.core.adaptation.draft import Draft
from claude_proxy.core.adaptation.fields import drop_inside
from claude_proxy.core.traits import Thinking

MIN_BUDGET: Final = 1024
"""The API takes no smaller `budget_tokens`, and it must be below `max_tokens`."""

MAX_BUDGET: Final = 31_999
"""The budget that Claude Code itself gives to models without adaptive thinking."""

_ALWAYS_ON: Final = frozenset({Thinking.ADAPTIVE_ONLY, Thinking.ENABLED_ONLY, Thinking.ALWAYS})

_TRANSLATED: Final[dict[Thinking, dict[str, str | None]]] = {
    Thinking.ADAPTIVE: {"enabled": "adaptive"},
    Thinking.ADAPTIVE_ONLY: {"enabled": "adaptive", "disabled": None},
    Thinking.ENABLED: {"adaptive": "enabled"},
    Thinking.ENABLED_ONLY: {"adaptive": "enabled", "disabled": "enabled"},
    Thinking.ALWAYS: {"disabled": None},
}
"""From the type that a client sends to the one that such a model takes; None: the field goes."""

_MODEST: Final = ("low", "medium")
_AMBITIOUS: Final = ("high", "xhigh", "max")


def in_the_models_mode(draft: Draft) -> None:
    """Translate `thinking` into what the model takes."""
    if "thinking" in draft.terms.fields:
        _without_edits_of_thinking(draft)
    kind, thinking = draft.terms.facts.thinking, draft.members("thinking")
    if kind is None or thinking is None:
        return
    asked = thinking.get("type")
    if not isinstance(asked, str) or asked not in _TRANSLATED[kind]:
        return
    wanted = _TRANSLATED[kind][asked]
    if wanted is None:
        draft.drop("thinking")
    elif wanted == "adaptive":
        kept = {name: value for name, value in thinking.items() if name != "budget_tokens"}
        draft.write("thinking", {**kept, "type": "adaptive"})
    else:
        wanted = _enabled(draft)
    draft.changes.note(f"thinking:{asked}>{wanted or 'none'}")


def _enabled(draft: Draft) -> str:
    most = draft.value("max_tokens")
    budget = min(MAX_BUDGET, most - 1) if isinstance(most, int) else MAX_BUDGET
    if budget < MIN_BUDGET and can_be_off(draft):
        turn_off(draft)
        return "disabled"
    draft.write("thinking", {"type": "enabled", "budget_tokens": max(MIN_BUDGET, budget)})
    return "enabled"


def is_on(draft: Draft) -> bool:
    """Tell whether the model will think, as far as that is known."""
    return draft.terms.facts.thinking in _ALWAYS_ON or _type(draft) in ("enabled", "adaptive")


def can_be_off(draft: Draft) -> bool:
    """Tell whether `thinking` may be `disabled`."""
    return draft.terms.facts.thinking not in _ALWAYS_ON and "thinking" not in draft.terms.fields


def turn_off(draft: Draft) -> None:
    """Let the model answer without thinking."""
    draft.write("thinking", {"type": "disabled"})
    _without_edits_of_thinking(draft)


def leave_out(draft: Draft) -> None:
    """Send no `thinking` at all."""
    draft.drop("thinking")
    _without_edits_of_thinking(draft)


def _without_edits_of_thinking(draft: Draft) -> None:
    """Take out the edits of `context_management` that Anthropic takes beside thinking only: `clear_thinking_…`."""
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
        drop_inside(draft, "context_management", ["edits"])
    draft.changes.note("field:context_management.edits")


def _clears_thinking(edit: Any) -> bool:
    return isinstance(edit, dict) and str(edit.get("type")).startswith("clear_thinking_")


def with_an_effort_that_is_known(draft: Draft) -> None:
    """Send an effort that the provider has, the nearest one, or none where it takes none without thinking."""
    traits = draft.terms.traits
    if traits.effort_without_thinking and not traits.efforts:
        return
    config = draft.members("output_config") or {}
    effort = config.get("effort")
    if effort is None:
        return
    if not traits.effort_without_thinking and _type(draft) == "disabled":
        drop_inside(draft, "output_config", ["effort"])
        draft.changes.note("field:output_config.effort")
    elif traits.efforts and effort not in traits.efforts:
        nearest = traits.efforts[-1 if effort in _AMBITIOUS else 0]
        draft.write("output_config", {**config, "effort": nearest})
        draft.changes.note(f"effort:{effort if effort in (*_MODEST, *_AMBITIOUS) else 'unknown'}>{nearest}")


def _type(draft: Draft) -> Any:
    return (draft.members("thinking") or {}).get("type")
