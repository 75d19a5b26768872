from __future__ import annotations

from typing import Any

import pytest

from core.builders import adapted, read

SEARCH: dict[str, Any] = {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}
BASH: dict[str, Any] = {"type": "bash_20250124", "name": "bash"}
OWN: dict[str, Any] = {"name": "Read", "input_schema": {"type": "object"}}
DEFERRED: dict[str, Any] = {"name": "Later", "input_schema": {}, "defer_loading": True}
FINDER: dict[str, Any] = {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"}


def test_drops_a_server_tool_and_tells_the_model() -> None:
    sent = {"tools": [SEARCH, BASH, OWN, {"type": "web_fetch_1"}], "system": "Be kind."}
    result = adapted(sent, server_tools=("code_execution_",))
    body = read(result)
    assert body["tools"] == [BASH, OWN]
    assert body["system"].startswith("Be kind.\n\nNot available here")
    assert "it: web_search, web_fetch_1. " in body["system"]
    assert result.changes == ("tool:web_search_20250305", "tool:web_fetch_1")


@pytest.mark.parametrize(
    ("system", "given"),
    [
        (None, "WORD"),
        ("", "WORD"),
        ([{"type": "text", "text": "a"}], [{"type": "text", "text": "a"}, {"type": "text", "text": "WORD"}]),
        (7, 7),
    ],
)
def test_puts_the_notice_at_the_end_of_the_system_prompt(system: Any, given: Any) -> None:
    sent = {"tools": [SEARCH], **({} if system is None else {"system": system})}
    body = read(adapted(sent, server_tools=()))
    assert "tools" not in body
    said = body["system"][-1]["text"] if isinstance(system, list) else body["system"]
    expected = str(given).replace("WORD", said) if isinstance(given, str) else given
    if isinstance(system, list):
        expected = [*system, {"type": "text", "text": said}]
    assert body["system"] == expected


@pytest.mark.parametrize("tools", [(), ("web_search_",), None])
def test_keeps_server_tools_that_exist_or_are_not_known(tools: tuple[str, ...] | None) -> None:
    sent = {"tools": [OWN, BASH] if tools == () else [SEARCH, OWN]}
    result = adapted(sent, server_tools=tools)
    assert (read(result), result.changes) == (sent, ())


@pytest.mark.parametrize(
    ("choice", "tools", "kept"),
    [
        ({"type": "tool", "name": "web_search"}, [SEARCH, OWN], False),
        ({"type": "tool", "name": "Read"}, [SEARCH, OWN], True),
        ({"type": "any"}, [SEARCH, OWN], True),
        ({"type": "any"}, [SEARCH], False),
    ],
)
def test_drops_a_choice_of_a_dropped_tool(choice: Any, tools: list[Any], *, kept: bool) -> None:
    body = read(adapted({"tools": tools, "tool_choice": choice}, server_tools=()))
    assert ("tool_choice" in body) is kept


def test_drops_the_servers_of_a_toolset_with_it() -> None:
    toolset = {"type": "mcp_toolset", "mcp_server_name": "x"}
    body = read(adapted({"tools": [toolset, OWN], "mcp_servers": [{"name": "x"}]}, server_tools=()))
    assert sorted(body) == ["system", "tools"]


def test_defers_no_tool_without_the_tool_search() -> None:
    result = adapted({"tools": [FINDER, OWN, DEFERRED]}, server_tools=())
    assert read(result) == {"tools": [OWN, {"name": "Later", "input_schema": {}}]}
    assert result.changes == ("tool:tool_search_tool_regex_20251119", "tool_field:defer_loading")


@pytest.mark.parametrize("tools", [7, [7, None], "x", [{"type": 7}], [{"type": ["web_search_1"]}]])
def test_keeps_tools_of_another_shape(tools: Any) -> None:
    result = adapted({"tools": tools}, server_tools=(), rejects=["tool_field:strict"])
    assert (read(result), result.changes) == ({"tools": tools}, ())


def test_drops_a_rejected_field_from_each_tool() -> None:
    sent = {"tools": [OWN, DEFERRED, {**DEFERRED, "strict": True}, 7]}
    result = adapted(sent, rejects=["tool_field:defer_loading", "tool_field:strict"])
    later = {"name": "Later", "input_schema": {}}
    assert read(result) == {"tools": [OWN, later, later, 7]}
    assert result.changes == ("tool_field:defer_loading*2", "tool_field:strict")


def test_keeps_that_name_elsewhere_in_a_tool() -> None:
    tool = {"name": "Read", "input_schema": {"properties": {"strict": {}}, "required": ["strict"]}}
    result = adapted({"tools": [tool]}, rejects=["tool_field:strict", "tool_field:input_schema", "tool_field:name"])
    assert (read(result), result.changes) == ({"tools": [tool]}, ())
