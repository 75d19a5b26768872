"""Rules for what a model cannot do: write more than its limit, or be forced to use a tool."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from claude_proxy.core.adaptation.draft import Draft
from claude_proxy.core.adaptation.rule import AdaptationRule, ChangeText
from claude_proxy.core.adaptation.thinking_mode import MIN_BUDGET, can_turn_off, is_on, turn_off
from claude_proxy.core.traits import ForcedTool, Kind, ModelFacts, Traits


def limit_max_tokens(draft: Draft) -> None:
    """Bring `max_tokens` down to the model's limit, and a thinking budget below it."""
    limit, requested = draft.constraints.facts.max_output, draft.value("max_tokens")
    if limit is None or not isinstance(requested, int) or requested <= limit:
        return
    draft.write("max_tokens", limit)
    draft.changes.note("max_tokens")
    thinking = draft.members("thinking") or {}
    budget = thinking.get("budget_tokens")
    if not isinstance(budget, int) or budget < limit:
        return
    if limit > MIN_BUDGET or not can_turn_off(draft):
        draft.write("thinking", {**thinking, "budget_tokens": max(MIN_BUDGET, limit - 1)})
    else:
        turn_off(draft)
    draft.changes.note("thinking.budget_tokens")


def _describe_max_tokens(traits: Traits, facts: ModelFacts) -> Iterator[ChangeText]:
    del traits
    if facts.max_output is not None:
        yield ChangeText("", f"max_tokens at most {facts.max_output}")


MAX_TOKENS: Final = AdaptationRule(
    name="max-tokens",
    records=MappingProxyType(
        {
            "max_tokens": "Lowers it to what the model can write.",
            "thinking.budget_tokens": "Lowers the budget below `max_tokens`.",
        }
    ),
    apply=limit_max_tokens,
    describe=_describe_max_tokens,
    rejections=MappingProxyType({Kind.MAX_OUTPUT: ChangeText("lowered", "max_tokens above {}")}),
)


def relax_tool_choice(draft: Draft) -> None:
    """Leave the choice of a tool to a model that cannot be forced; if thinking forbids the force, turn that off."""
    forced_tool = draft.constraints.facts.forced_tool
    if forced_tool is ForcedTool.YES:
        return
    choice = draft.members("tool_choice") or {}
    forced = choice.get("type")
    if forced not in ("any", "tool") or (forced_tool is ForcedTool.WITHOUT_THINKING and not is_on(draft)):
        return
    if forced_tool is ForcedTool.WITHOUT_THINKING and can_turn_off(draft):
        turn_off(draft)
        draft.changes.note("thinking:off-for-tool_choice")
        return
    kept = {name: value for name, value in choice.items() if name not in ("type", "name")}
    draft.write("tool_choice", {"type": "auto", **kept})
    draft.changes.note(f"tool_choice:{forced}>auto")


_FORCED_TOOL: Final = {
    ForcedTool.NO: "no tool forced: the model chooses",
    ForcedTool.WITHOUT_THINKING: "thinking turned off when a tool is forced",
}


def _describe_tool_choice(traits: Traits, facts: ModelFacts) -> Iterator[ChangeText]:
    del traits
    if facts.forced_tool in _FORCED_TOOL:
        yield ChangeText("", _FORCED_TOOL[facts.forced_tool])


TOOL_CHOICE: Final = AdaptationRule(
    name="tool-choice",
    records=MappingProxyType(
        {
            "tool_choice:any>auto": "Lets the model choose, because it cannot be forced to use a tool.",
            "thinking:off-for-tool_choice": (
                "Turns thinking off, because the model cannot be forced to use a tool while it thinks."
            ),
        }
    ),
    apply=relax_tool_choice,
    describe=_describe_tool_choice,
)
