from __future__ import annotations

import json
from typing import Any

import pytest

from claude_proxy.core.cache_doctor.comparison import Comparison, compare
from core.cache_doctor.prompts import TOOLS, body, sent, taken, text, turns

LONG = turns(9)


def compared(messages: list[dict[str, Any]], before: bytes | None = None, **fields: Any) -> Comparison:
    return compare(taken(sent(before or body(LONG))), taken(sent(body(messages, **fields))))


def edited(place: int, words: str = "another") -> list[dict[str, Any]]:
    return [*LONG[:place], {**LONG[place], "content": words}, *LONG[place + 1 :]]


def test_a_conversation_that_goes_on_has_all_in_common() -> None:
    found = compared([*LONG, *turns(11)[9:]])
    assert (found.changed, found.related, found.common_share, found.expected_share) == ("", True, 1.0, 1.0)


def test_one_that_goes_back_has_a_part_in_common() -> None:
    found = compared(LONG[:5])
    assert (found.changed, found.related) == ("", True)
    assert 0.5 < found.common_share == found.expected_share < 0.9


@pytest.mark.parametrize("place", [0, 1, 4, 8])
def test_names_a_message_that_changed_and_expects_the_others(place: int) -> None:
    found = compared(edited(place))
    assert (found.changed, found.related) == (f"message {place + 1} changed", True)
    assert found.common_share < 1
    assert 0.8 < found.expected_share < 1


@pytest.mark.parametrize(
    ("fields", "changed"),
    [
        ({"system": [text("You are another. " * 99)]}, "system changed"),
        ({"tools": [*TOOLS, {"name": "New"}]}, "tools changed"),
        ({"tools": TOOLS[:1], "system": "short"}, "tools changed"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "thinking or tool_choice changed"),
        ({"tool_choice": {"type": "any"}}, "thinking or tool_choice changed"),
    ],
)
def test_names_what_stands_before_the_messages(fields: dict[str, Any], changed: str) -> None:
    found = compared(LONG, **fields)
    assert (found.changed, found.related) == (changed, True)
    assert found.common_share < 0.3
    assert found.expected_share > 0.7


def test_expects_nothing_of_what_no_longer_comes_behind_a_change() -> None:
    found = compared(edited(4, "a summary")[:5])
    assert found.changed == "message 5 changed"
    assert found.expected_share == found.common_share


def test_another_conversation_is_not_related() -> None:
    assert not compared([{"role": "user", "content": "another"}]).related
    assert not compared([{"role": "user", "content": "another"}], system="s", tools=[]).related


def test_a_title_for_the_same_first_message_is_not_related() -> None:
    assert not compared(LONG[:1], system="Give it a title.", tools=[]).related
    assert compared(LONG[:1], system="You are another.").related
    assert compared(LONG[:2], system="You are another.", tools=[]).related


def test_a_body_without_messages_is_related_to_none() -> None:
    empty = json.dumps({"model": "m", "messages": []}).encode()
    assert compare(taken(sent(empty)), taken(sent(empty))) == Comparison(3, "", False, 1.0, 1.0)
