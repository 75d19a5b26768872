"""More output than the model can give."""

from __future__ import annotations

from claude_proxy.core.adaptation.draft import Draft
from claude_proxy.core.adaptation.thinking_mode import MIN_BUDGET, can_be_off, turn_off


def within_max_output(draft: Draft) -> None:
    """Bring `max_tokens` under the model's limit, and a thinking budget below it."""
    limit, asked = draft.terms.facts.max_output, draft.value("max_tokens")
    if limit is None or not isinstance(asked, int) or asked <= limit:
        return
    draft.write("max_tokens", limit)
    draft.changes.note("max_tokens")
    thinking = draft.members("thinking") or {}
    budget = thinking.get("budget_tokens")
    if not isinstance(budget, int) or budget < limit:
        return
    if limit > MIN_BUDGET or not can_be_off(draft):
        draft.write("thinking", {**thinking, "budget_tokens": max(MIN_BUDGET, limit - 1)})
    else:
        turn_off(draft)
    draft.changes.note("thinking.budget_tokens")
