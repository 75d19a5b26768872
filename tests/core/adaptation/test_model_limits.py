from __future__ import annotations

from typing import Any

import pytest

from claude_proxy.core.traits import ForcedTool, ModelFacts, Thinking
from core.builders import adapted, read

ON: dict[str, Any] = {"type": "enabled", "budget_tokens": 9000, "display": "omitted"}
FREE: dict[str, Any] = {"type": "adaptive", "display": "omitted"}
OFF: dict[str, Any] = {"type": "disabled"}


@pytest.mark.parametrize(
    ("sent", "given", "changes"),
    [
        ({"max_tokens": 101}, {"max_tokens": 100}, ("max_tokens",)),
        ({"max_tokens": 100}, {"max_tokens": 100}, ()),
        ({"max_tokens": "101"}, {"max_tokens": "101"}, ()),
        ({"max_tokens": 10**30}, {"max_tokens": 100}, ("max_tokens",)),
        ({}, {}, ()),
    ],
)
def test_limits_max_tokens_to_the_models_limit(
    sent: dict[str, Any], given: dict[str, Any], changes: tuple[str, ...]
) -> None:
    result = adapted(sent, facts=ModelFacts(max_output=100))
    assert (read(result), result.changes) == (given, changes)


@pytest.mark.parametrize(
    ("limit", "budget", "given"),
    [
        (8000, 31999, {"type": "enabled", "budget_tokens": 7999, "display": "omitted"}),
        (8000, 8000, {"type": "enabled", "budget_tokens": 7999, "display": "omitted"}),
        (8000, 7999, {"type": "enabled", "budget_tokens": 7999, "display": "omitted"}),
        (1024, 31999, {"type": "disabled"}),
    ],
)
def test_keeps_the_thinking_budget_below_the_limit(limit: int, budget: int, given: dict[str, Any]) -> None:
    thinking = {"type": "enabled", "budget_tokens": budget, "display": "omitted"}
    result = adapted({"max_tokens": 32000, "thinking": thinking}, facts=ModelFacts(max_output=limit))
    assert read(result) == {"max_tokens": limit, "thinking": given}


FORCED: dict[str, Any] = {"type": "tool", "name": "x", "disable_parallel_tool_use": True}
FREELY: dict[str, Any] = {"type": "auto", "disable_parallel_tool_use": True}


@pytest.mark.parametrize(
    ("facts", "thinking", "given", "choice"),
    [
        (ModelFacts(), FREE, FREE, FORCED),
        (ModelFacts(forced_tool=ForcedTool.NO), FREE, FREE, FREELY),
        (ModelFacts(forced_tool=ForcedTool.NO), OFF, OFF, FREELY),
        (ModelFacts(forced_tool=ForcedTool.WITHOUT_THINKING), FREE, OFF, FORCED),
        (ModelFacts(forced_tool=ForcedTool.WITHOUT_THINKING), OFF, OFF, FORCED),
        (ModelFacts(forced_tool=ForcedTool.WITHOUT_THINKING), None, None, FORCED),
        (ModelFacts(forced_tool=ForcedTool.WITHOUT_THINKING, thinking=Thinking.ALWAYS), None, None, FREELY),
        (ModelFacts(forced_tool=ForcedTool.WITHOUT_THINKING, thinking=Thinking.ENABLED_ONLY), ON, ON, FREELY),
        (ModelFacts(forced_tool=ForcedTool.WITHOUT_THINKING, thinking=Thinking.ENABLED), FREE, OFF, FORCED),
    ],
)
def test_gives_up_either_the_forced_tool_or_thinking(facts: ModelFacts, thinking: Any, given: Any, choice: Any) -> None:
    sent = {"tool_choice": FORCED, **({} if thinking is None else {"thinking": thinking})}
    body = read(adapted(sent, facts=facts))
    assert (body.get("thinking"), body["tool_choice"]) == (given, choice)


@pytest.mark.parametrize("choice", [FREELY, {"type": "none"}, 7, {}])
def test_keeps_a_choice_that_forces_nothing(choice: Any) -> None:
    result = adapted({"tool_choice": choice}, facts=ModelFacts(forced_tool=ForcedTool.NO))
    assert (read(result), result.changes) == ({"tool_choice": choice}, ())


def test_cannot_turn_thinking_off_if_the_field_is_rejected() -> None:
    facts = ModelFacts(forced_tool=ForcedTool.WITHOUT_THINKING, thinking=Thinking.ALWAYS)
    result = adapted({"tool_choice": {"type": "any"}}, facts=facts, rejects=["field:thinking"])
    assert read(result) == {"tool_choice": {"type": "auto"}}
    assert result.changes == ("tool_choice:any>auto",)
