from __future__ import annotations

import json
from typing import Any

import pytest

from claude_proxy.core.adapt import Adapted
from claude_proxy.core.learning.proposals import propose_rules
from claude_proxy.core.learning.refused_tools import tools_at_fault
from claude_proxy.core.learning.sent_request import SentRequest

SCHEMA = {
    "type": "object",
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "additionalProperties": False,
    "properties": {
        "url": {"type": "string", "format": "uri", "pattern": "^h", "title": "Url"},
        "kind": {"type": "string", "anyOf": [{"enum": ["a"]}]},
        "n": {"exclusiveMinimum": 0, "const": 1},
    },
}
TOOLS = [
    {"name": "Read", "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}}},
    {"name": "3d.view", "input_schema": SCHEMA},
]
MOONSHOT = (
    "tools.function.parameters is not a valid moonshot flavored json schema, details: <At path 'root': when using "
    "anyOf, type should be defined in anyOf items instead of the parent schema>"
)


def sent(tools: Any) -> Adapted:
    messages = [{"role": "user", "content": "hi"}]
    return Adapted(b"", json.dumps({"model": "m", "tools": tools, "messages": messages}).encode(), "m")


def rules(message: str, tools: Any = TOOLS) -> list[str]:
    body = json.dumps({"error": {"type": "invalid_request_error", "message": message}}).encode()
    return sorted(str(rule) for proposal in propose_rules(400, body, sent(tools)) for rule in proposal.rules)


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        (MOONSHOT, "schema:type-beside-anyOf"),
        ("Invalid schema for function 'x': 'type' is not allowed alongside 'anyOf'", "schema:type-beside-anyOf"),
        ("tools[1].input_schema: unsupported keyword 'format'", "schema:format"),
        ("Invalid schema for function '3d': keyword \"pattern\" is not supported", "schema:pattern"),
        ("<At path 'properties.url': unexpected keyword `title`> in function parameters", "schema:title"),
        (
            (
                "Invalid JSON payload. Unknown name \"$schema\" at 'tools[0].function_declarations[1].parameters': "
                "Cannot find field."
            ),
            "schema:$schema",
        ),
        ("tool schema: additionalProperties is not supported", "schema:additionalProperties"),
        (
            "tools.1.custom.input_schema.properties.n.exclusiveMinimum: Extra inputs are not permitted",
            "schema:exclusiveMinimum",
        ),
        ("unknown field const in the schema of a tool", "schema:const"),
        ("function parameters 不支持 'const'", "schema:const"),
        ("Invalid 'tools[1].function.name': string does not match pattern '^[a-zA-Z0-9_-]+$'.", "tool_name:odd"),
        (
            "Invalid 'tools[1].function.name': string too long. Expected at most 64 characters",
            "tool_name:odd",
        ),
        ("tools.1.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'", "tool_name:odd"),
        (
            (
                "Invalid request: function name is invalid, must start with a letter and can contain letters, numbers, "
                "underscores, and dashes"
            ),
            "tool_name:odd",
        ),
        ("Invalid function name. Must start with a letter or an underscore.", "tool_name:odd"),
    ],
)
def test_learns_what_is_wrong_with_the_tools(message: str, rule: str) -> None:
    assert rules(message) == [rule]
    assert rules(message, TOOLS[:1]) == []  # what it is about was not sent
    assert rules(message, []) == []


@pytest.mark.parametrize(
    "message",
    [
        "tools.1.input_schema: JSON schema is invalid",
        "the tool 'Read' has an unsupported 'description'",
        "tools.0.custom.input_schema.type: Field required",
        "messages.1: unknown format of the pattern",
        "invalid $ref in function parameters",
        "tool_choice: a forced tool is not supported",
    ],
)
def test_learns_nothing_of_what_cannot_be_written_in_another_way(message: str) -> None:
    assert [rule for rule in rules(message) if rule.startswith(("schema", "tool_name"))] == []


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("tools.1.input_schema: JSON schema is invalid", ("3d.view",)),
        ("Invalid 'tools[0].function.parameters'", ("Read",)),
        ("at 'tools[0].function_declarations[1].parameters'", ("Read", "3d.view")),
        ("tools[7]: no such schema", ()),
        ("function parameters: At path 'properties.url.items': no", ("3d.view",)),
        ("function parameters: At path 'properties.gone': no", ()),
        ("is not a valid json schema of a tool", ("Read", "3d.view")),
        ("tools.1 is 3d.view, which is wrong", ()),
        ("tool_choice is wrong", ()),
        ("messages.1 is wrong", ()),
    ],
)
def test_names_the_tools_that_an_error_is_about(words: str, names: tuple[str, ...]) -> None:
    assert tools_at_fault(words, SentRequest(sent(TOOLS))) == names


def test_names_no_tool_if_it_could_be_any_of_many() -> None:
    many = [{"name": f"t{number}", "input_schema": {}} for number in range(9)]
    assert tools_at_fault("a tool's json schema is not valid", SentRequest(sent(many))) == ()
