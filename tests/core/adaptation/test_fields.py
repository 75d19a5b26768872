from __future__ import annotations

from typing import Any

import pytest

from claude_proxy.core.adaptation.changes import MAX_WORD, MAX_WORDS, Changes
from claude_proxy.core.traits import ModelFacts
from core.builders import adapted, read


@pytest.mark.parametrize(
    ("refused", "sent", "kept"),
    [
        ("temperature", {"temperature": 1, "top_p": 1}, {"top_p": 1}),
        ("output_config.effort", {"output_config": {"effort": "high"}}, {}),
        ("output_config.effort", {"output_config": {"effort": "high", "format": 1}}, {"output_config": {"format": 1}}),
        ("a.b.c", {"a": {"b": {"c": 1}, "d": 2}}, {"a": {"d": 2}}),
        ("a.b.c", {"a": {"b": {"c": 1}}}, {}),
        ("a.b.c", {"a": {"b": {"c": 1, "d": 2}}}, {"a": {"b": {"d": 2}}}),
        ("thinking", {"thinking": {"type": "adaptive"}}, {}),
    ],
)
def test_a_field_that_is_refused_is_taken_out(refused: str, sent: dict[str, Any], kept: dict[str, Any]) -> None:
    result = adapted(sent, rejects=[f"field:{refused}"])
    assert read(result) == kept
    assert result.changes == (f"field:{refused}",)


@pytest.mark.parametrize(
    ("refused", "sent"),
    [
        ("temperature", {"top_p": 1}),
        ("a.b", {"a": 1}),
        ("a.b", {"a": {"c": 1}}),
        ("a.b.c", {"a": {"b": 1}}),
        ("a.b.c", {"a": {"b": {"d": 1}}}),
        *((name, {"messages": [], "system": "x", "tools": [], "max_tokens": 1, "stream": True})
          for name in ("model", "messages", "system", "tools", "max_tokens", "stream", "system.x")),
    ],
)  # fmt: skip
def test_what_is_not_there_or_what_makes_the_request_stays(refused: str, sent: dict[str, Any]) -> None:
    result = adapted(sent, rejects=[f"field:{refused}"])
    assert (read(result), result.changes) == (sent, ())


def test_all_other_bytes_stay() -> None:
    body = b'{ "a" : 1 , "model":"claude-opus-5-5","b" : {"c": [1.10 ]} ,\n"d":2 }'
    result = adapted(body, rejects=["field:a", "field:d"])
    assert result.body == b'{ "model":"claude-opus-5-5","b" : {"c": [1.10 ]} }'


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
def test_max_tokens_comes_under_the_models_limit(
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
def test_a_thinking_budget_stays_below_it(limit: int, budget: int, given: dict[str, Any]) -> None:
    thinking = {"type": "enabled", "budget_tokens": budget, "display": "omitted"}
    result = adapted({"max_tokens": 32000, "thinking": thinking}, facts=ModelFacts(max_output=limit))
    assert read(result) == {"max_tokens": limit, "thinking": given}


def test_words_are_safe_short_and_few() -> None:
    changes = Changes()
    changes.note("tool:\r\nx-evil: 1, é" + "x" * 100)
    changes.note("twice")
    changes.note("twice")
    first, second = changes.words()
    assert first == "tool:??x-evil:?1???" + "x" * (MAX_WORD - 19)
    assert second == "twice*2"
    for number in range(MAX_WORDS):
        changes.note(f"n{number}")
    assert changes.words()[-1] == "and-2-more"
    assert len(changes.words()) == MAX_WORDS + 1
