"""A tool that the model is forced to use: `tool_choice` of the type `any` or `tool`."""

from __future__ import annotations

from claude_proxy.core.adaptation.draft import Draft
from claude_proxy.core.adaptation.thinking_mode import can_be_off, is_on, turn_off
from claude_proxy.core.traits import ForcedTool


def without_force(draft: Draft) -> None:
    """Where the model can't be forced, leave it the choice; where it can't be while it thinks, let it not think."""
    rule = draft.terms.facts.forced_tool
    if rule is ForcedTool.YES:
        return
    choice = draft.members("tool_choice") or {}
    forced = choice.get("type")
    if forced not in ("any", "tool") or (rule is ForcedTool.WITHOUT_THINKING and not is_on(draft)):
        return
    if rule is ForcedTool.WITHOUT_THINKING and can_be_off(draft):
        turn_off(draft)
        draft.changes.note("thinking:off-for-tool_choice")
        return
    kept = {name: value for name, value in choice.items() if name not in ("type", "name")}
    draft.write("tool_choice", {"type": "auto", **kept})
    draft.changes.note(f"tool_choice:{forced}>auto")
