from __future__ import annotations

from typing import Any

import pytest

from claude_proxy.core.traits import ForcedTool, ModelFacts, Thinking
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
def test_thinking_is_translated_into_what_the_model_takes(
    model: Thinking | None, sent: Any, given: Any, change: str
) -> None:
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
def test_a_budget_is_below_max_tokens_and_not_too_small(model: Thinking, most: int | None, given: Any) -> None:
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
def test_thinking_that_is_turned_off_takes_the_edits_with_it_that_need_it(management: Any, left: Any) -> None:
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
def test_an_effort_becomes_the_nearest_one_that_there_is(efforts: tuple[str, ...], sent: Any, given: str) -> None:
    result = adapted({"output_config": {"effort": sent, "x": 1}}, efforts=efforts)
    assert read(result)["output_config"] == {"effort": given, "x": 1}
    known = sent if sent in ("low", "medium", "high", "xhigh") else "unknown"
    assert result.changes == (() if sent == given else (f"effort:{known}>{given}",))


@pytest.mark.parametrize("sent", [{}, {"output_config": 7}, {"output_config": {"x": 1}}])
def test_without_an_effort_there_is_nothing_to_change(sent: dict[str, Any]) -> None:
    assert read(adapted(sent, efforts=("high",))) == sent


@pytest.mark.parametrize(("thinking", "kept"), [(OFF, False), (FREE, True), (None, True)])
def test_an_effort_goes_where_it_may_not_stand_beside_thinking_that_is_off(thinking: Any, *, kept: bool) -> None:
    sent = {"thinking": thinking, "output_config": {"effort": "high"}}
    result = adapted(sent, effort_without_thinking=False)
    assert ("output_config" in read(result)) is kept
    assert result.changes == (() if kept else ("field:output_config.effort",))


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
def test_a_forced_tool_is_given_up_or_thinking_is(facts: ModelFacts, thinking: Any, given: Any, choice: Any) -> None:
    sent = {"tool_choice": FORCED, **({} if thinking is None else {"thinking": thinking})}
    body = read(adapted(sent, facts=facts))
    assert (body.get("thinking"), body["tool_choice"]) == (given, choice)


@pytest.mark.parametrize("choice", [FREELY, {"type": "none"}, 7, {}])
def test_a_choice_that_forces_nothing_stays(choice: Any) -> None:
    result = adapted({"tool_choice": choice}, facts=ModelFacts(forced_tool=ForcedTool.NO))
    assert (read(result), result.changes) == ({"tool_choice": choice}, ())


def test_where_the_field_is_refused_thinking_cannot_be_turned_off() -> None:
    facts = ModelFacts(forced_tool=ForcedTool.WITHOUT_THINKING, thinking=Thinking.ALWAYS)
    result = adapted({"tool_choice": {"type": "any"}}, facts=facts, rejects=["field:thinking"])
    assert read(result) == {"tool_choice": {"type": "auto"}}
    assert result.changes == ("tool_choice:any>auto",)


def test_where_thinking_is_refused_as_such_nothing_clears_it_either() -> None:
    result = adapted({"thinking": ON, "context_management": CLEARING, "max_tokens": 10}, rejects=["field:thinking"])
    assert read(result) == {"max_tokens": 10}
    assert result.changes == ("field:thinking", "field:context_management.edits")
