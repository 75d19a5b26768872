from __future__ import annotations

import re
from typing import Any

import pytest

from claude_proxy.core.adaptation.tool_names import MAX_NAME, plain_name
from core.builders import MODEL, adapted, compact, read

ODD = "tool_name:odd"
NAMES = ["3d_view", "mcp__a.b/c", "x" * 65, "größe", "-a", "a b", "\ud800"]


def request(name: str, other: str = "Read") -> dict[str, Any]:
    reference = {"type": "tool_reference", "tool_name": name}
    return {
        "tools": [{"name": other, "input_schema": {}}, {"name": name, "input_schema": {}}],
        "tool_choice": {"type": "tool", "name": name},
        "messages": [
            {"role": "user", "content": f"use {name}"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": name, "input": {"name": name}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": [reference]}]},
        ],
    }


@pytest.mark.parametrize("name", ["Read", "mcp__a__b-c", "_x", "a", "x" * 64])
def test_a_plain_name_stays(name: str) -> None:
    assert plain_name(name) == name
    body = compact({"model": MODEL, **request(name)})
    result = adapted(body, rejects=[ODD])
    assert (result.body, dict(result.tool_names), result.changes) == (body, {}, ())


@pytest.mark.parametrize("name", NAMES)
def test_an_odd_name_gets_a_distinct_plain_one(name: str) -> None:
    plain = plain_name(name)
    assert re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_-]*", plain)
    assert len(plain) <= MAX_NAME
    assert plain_name(plain) == plain
    assert len({plain_name(other) for other in NAMES}) == len(NAMES)


@pytest.mark.parametrize("name", NAMES[:-1])
def test_a_tool_has_one_name_everywhere_in_a_request_and_leads_back_to_its_own(name: str) -> None:
    result = adapted(request(name), rejects=[ODD])
    sent, plain = read(result), plain_name(name)
    expected = request(plain)
    expected["messages"][0]["content"] = f"use {name}"
    expected["messages"][1]["content"][0]["input"] = {"name": name}
    assert sent == expected
    assert dict(result.tool_names) == {plain: name}
    assert result.changes == ("tool-name*3",)


def test_names_stay_for_providers_that_take_them() -> None:
    body = compact({"model": MODEL, **request("3d_view")})
    assert adapted(body).body == body


def test_a_tool_of_earlier_turns_that_is_no_longer_offered_is_renamed_too() -> None:
    messages = request("3d_view")["messages"]
    result = adapted({"messages": messages}, rejects=[ODD])
    assert read(result)["messages"][1]["content"][0]["name"] == plain_name("3d_view")
    assert dict(result.tool_names) == {plain_name("3d_view"): "3d_view"}


def test_what_is_no_name_is_left_alone() -> None:
    body = compact({"model": MODEL, "tools": [{"name": 7}, 8, {"type": "x"}], "tool_choice": {"type": "auto"}})
    assert adapted(body, rejects=[ODD]).body == body
    odd = {"tools": [{"name": "3d"}], "tool_choice": {"type": "auto"}}
    assert read(adapted(odd, rejects=[ODD]))["tool_choice"] == {"type": "auto"}


def test_a_reference_that_becomes_a_text_names_the_tool_as_the_provider_knows_it() -> None:
    sent = read(adapted(request("3d_view"), rejects=[ODD, "block:tool_reference"]))
    assert plain_name("3d_view") in sent["messages"][2]["content"][0]["content"][0]["text"]


def test_a_result_that_is_a_text_beside_a_reference_stays() -> None:
    messages = request("3d_view")["messages"]
    messages[2]["content"].append({"type": "tool_result", "tool_use_id": "b", "content": "tool_reference"})
    assert (
        read(adapted({"messages": messages}, rejects=[ODD]))["messages"][2]["content"][1]["content"] == "tool_reference"
    )
