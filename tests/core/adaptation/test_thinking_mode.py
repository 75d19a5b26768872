from __future__ import annotations

from typing import Any

import pytest

from claude_proxy.core.traits import ModelFacts, Thinking
from core.builders import adapted, read

ON: dict[str, Any] = {"type": "enabled", "budget_tokens": 9000, "display": "omitted"}
FREE: dict[str, Any] = {"type": "adaptive", "display": "omitted"}
OFF: dict[str, Any] = {"type": "disabled"}
WITH_BUDGET = {"type": "enabled", "budget_tokens": 31_999}
CLEARING = {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}


@pytest.mark.parametrize(
    ("model", "sent", "given", "change"),
    [
        (Thinking.ADAPTIVE, ON, FREE, "thinking:enabled>adaptive"),
        (Thinking.ADAPTIVE, FREE, FREE, ""),
        (Thinking.ADAPTIVE, OFF, OFF, ""),
        (Thinking.ADAPTIVE_ONLY, ON, FREE, "thinking:enabled>adaptive"),
        (Thinking.ADAPTIVE_ONLY, OFF, None, "thinking:disabled>none"),
        (Thinking.ENABLED, FREE, WITH_BUDGET, "thinking:adaptive>enabled"),
        (Thinking.ENABLED, ON, ON, ""),
        (Thinking.ENABLED, OFF, OFF, ""),
        (Thinking.ENABLED_ONLY, FREE, WITH_BUDGET, "thinking:adaptive>enabled"),
        (Thinking.ENABLED_ONLY, OFF, WITH_BUDGET, "thinking:disabled>enabled"),
        (Thinking.ALWAYS, OFF, None, "thinking:disabled>none"),
        (Thinking.ALWAYS, FREE, FREE, ""),
        (None, OFF, OFF, ""),
        *((kind, odd, odd, "") for kind in Thinking for odd in (None, "on", {"type": ["x"]}, {"type": "new"}, {})),
    ],
)
def test_translates_thinking_into_the_models_type(model: Thinking | None, sent: Any, given: Any, change: str) -> None:
    result = adapted({"max_tokens": 64000, "thinking": sent}, facts=ModelFacts(thinking=model))
    assert read(result).get("thinking") == given
    assert result.changes == ((change,) if change else ())


@pytest.mark.parametrize(
    ("model", "most", "given"),
    [
        (Thinking.ENABLED, 1025, {"type": "enabled", "budget_tokens": 1024}),
        (Thinking.ENABLED, 1024, OFF),
        (Thinking.ENABLED_ONLY, 1024, {"type": "enabled", "budget_tokens": 1024}),
        (Thinking.ENABLED, None, WITH_BUDGET),
    ],
)
def test_keeps_the_budget_below_max_tokens_and_above_the_minimum(model: Thinking, most: int | None, given: Any) -> None:
    sent = {"thinking": FREE} if most is None else {"max_tokens": most, "thinking": FREE}
    assert read(adapted(sent, facts=ModelFacts(thinking=model)))["thinking"] == given


@pytest.mark.parametrize(
    ("management", "left"),
    [
        (CLEARING, None),
        ({**CLEARING, "x": 1}, {"x": 1}),
        ({"edits": [*CLEARING["edits"], {"type": "clear_tool_uses_20250919"}, 7]},
         {"edits": [{"type": "clear_tool_uses_20250919"}, 7]}),
        ({"edits": [7]}, {"edits": [7]}),
        ({"edits": 7}, {"edits": 7}),
        (7, 7),
    ],
)  # fmt: skip
def test_drops_the_edits_that_need_thinking_when_it_turns_thinking_off(management: Any, left: Any) -> None:
    sent = {"max_tokens": 1000, "thinking": FREE, "context_management": management}
    body = read(adapted(sent, facts=ModelFacts(thinking=Thinking.ENABLED)))
    assert body.get("context_management") == left


@pytest.mark.parametrize(
    ("efforts", "sent", "given"),
    [
        (("high", "max"), "low", "high"),
        (("high", "max"), "medium", "high"),
        (("high", "max"), "xhigh", "max"),
        (("low", "medium"), "high", "medium"),
        (("high", "max"), "évil\n", "high"),
        (("high", "max"), ["x"], "high"),
        (("high", "max"), "max", "max"),
        ((), "odd", "odd"),
    ],
)
def test_replaces_an_unknown_effort_by_the_nearest(efforts: tuple[str, ...], sent: Any, given: str) -> None:
    result = adapted({"output_config": {"effort": sent, "x": 1}}, efforts=efforts)
    assert read(result)["output_config"] == {"effort": given, "x": 1}
    known = sent if sent in ("low", "medium", "high", "xhigh") else "unknown"
    assert result.changes == (() if sent == given else (f"effort:{known}>{given}",))


@pytest.mark.parametrize("sent", [{}, {"output_config": 7}, {"output_config": {"x": 1}}])
def test_changes_nothing_without_an_effort(sent: dict[str, Any]) -> None:
    assert read(adapted(sent, efforts=("high",))) == sent


@pytest.mark.parametrize(("thinking", "kept"), [(OFF, False), (FREE, True), (None, True)])
def test_drops_the_effort_if_it_needs_thinking_and_that_is_off(thinking: Any, *, kept: bool) -> None:
    sent = {"thinking": thinking, "output_config": {"effort": "high"}}
    result = adapted(sent, effort_without_thinking=False)
    assert ("output_config" in read(result)) is kept
    assert result.changes == (() if kept else ("field:output_config.effort",))


def test_drops_the_edits_with_a_rejected_thinking_field() -> None:
    result = adapted({"thinking": ON, "context_management": CLEARING, "max_tokens": 10}, rejects=["field:thinking"])
    assert read(result) == {"max_tokens": 10}
    assert result.changes == ("field:thinking", "field:context_management.edits")
