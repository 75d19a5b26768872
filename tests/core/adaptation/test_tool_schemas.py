from __future__ import annotations

import json
from typing import Any

import pytest

from core.builders import adapted, compact, read

TYPED = "schema:type-beside-anyOf"
ONE, OTHER = {"required": ["a"]}, {"required": ["b"]}


def tool(schema: Any, name: str = "Read") -> dict[str, Any]:
    return {"name": name, "input_schema": schema}


def simplified(schema: Any, *rejects: str) -> Any:
    return read(adapted({"tools": [tool(schema)]}, rejects=rejects))["tools"][0]["input_schema"]


@pytest.mark.parametrize(
    ("schema", "written"),
    [
        (
            {"type": "object", "anyOf": [ONE, OTHER]},
            {"anyOf": [{**ONE, "type": "object"}, {**OTHER, "type": "object"}]},
        ),
        (
            {"properties": {"x": {"type": "string", "anyOf": [{"enum": ["a"]}, {"type": "null"}]}}},
            {"properties": {"x": {"anyOf": [{"enum": ["a"], "type": "string"}, {"type": "null"}]}}},
        ),
        (
            {"items": {"type": "object", "anyOf": [{"$ref": "#/$defs/a"}, True]}},
            {"items": {"anyOf": [{"$ref": "#/$defs/a"}, True]}},
        ),
        (
            {"$defs": {"a": {"type": "object", "anyOf": [{"anyOf": [ONE]}]}}},
            {"$defs": {"a": {"anyOf": [{"anyOf": [{**ONE, "type": "object"}]}]}}},
        ),
        (
            {"allOf": [{"type": "array", "anyOf": [{"minItems": 1}]}]},
            {"allOf": [{"anyOf": [{"minItems": 1, "type": "array"}]}]},
        ),
    ],
)
def test_a_type_beside_any_of_moves_into_its_alternatives(schema: Any, written: Any) -> None:
    assert simplified(schema, TYPED) == written
    assert simplified(schema) == schema


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"anyOf": {"type": "string"}, "type": {"type": "string"}}},
        {"type": "object", "anyOf": []},
        {"type": "object", "anyOf": "x"},
        {"anyOf": [ONE]},
        {"enum": [{"type": "object", "anyOf": [ONE]}], "default": {"type": "object", "anyOf": [ONE]}},
        ["anyOf"],
        "anyOf",
    ],
)
def test_what_is_no_type_beside_any_of_stays_byte_for_byte(schema: Any) -> None:
    body = compact({"model": "claude-opus-5-5", "tools": [tool(schema)]})
    assert adapted(body, rejects=[TYPED]).body == body


@pytest.mark.parametrize(
    ("schema", "keyword", "written"),
    [
        (
            {"properties": {"x": {"format": "uri", "type": "string"}}},
            "format",
            {"properties": {"x": {"type": "string"}}},
        ),
        ({"properties": {"format": {"type": "string"}}}, "format", {"properties": {"format": {"type": "string"}}}),
        ({"$schema": "https://json-schema.org", "type": "object"}, "$schema", {"type": "object"}),
        ({"items": [{"pattern": "a"}]}, "pattern", {"items": [{}]}),
        ({"additionalProperties": {"not": {}}}, "not", {"additionalProperties": {}}),
        ({"const": 1}, "const", {"enum": [1]}),
        ({"const": 1, "enum": [1, 2]}, "const", {"const": 1, "enum": [1, 2]}),
        ({"oneOf": [{"const": 1}]}, "oneOf", {"anyOf": [{"const": 1}]}),
        ({"if": {"if": {}}, "then": {"if": {}}}, "if", {"then": {}}),
    ],
)
def test_a_rejected_keyword_is_left_out_or_written_in_another_way(schema: Any, keyword: str, written: Any) -> None:
    assert simplified(schema, f"schema:{keyword}") == written


def test_an_alternative_that_is_written_in_another_way_gets_the_type() -> None:
    schema = {"type": "object", "oneOf": [ONE]}
    assert simplified(schema, TYPED, "schema:oneOf") == {"anyOf": [{**ONE, "type": "object"}]}


def test_only_the_tools_that_need_it_are_written() -> None:
    kept = '{"name" : "a","input_schema":{"type":"object", "anyOf1":[]}}'
    changed = '{"name":"b","input_schema":{"type":"object","anyOf":[{}]}}'
    body = f'{{"model":"claude-opus-5-5","tools":[{kept},{changed}, 7]}}'.encode()
    result = adapted(body, rejects=[TYPED])
    assert result.body == body.replace(b'"type":"object","anyOf":[{}]', b'"anyOf":[{"type":"object"}]').replace(
        b", 7", b",7"
    )
    assert result.changes == (TYPED,)


def test_a_schema_of_many_levels_is_walked_once() -> None:
    schema: Any = {}
    for _ in range(150):
        schema = {"properties": {"a": schema, "b": {"format": "x"}}}
    assert "format" not in json.dumps(simplified(schema, "schema:format"))


def test_a_keyword_that_stands_outside_of_the_tools_is_none() -> None:
    body = compact({"model": "claude-opus-5-5", "metadata": {"format": "x"}, "tools": [tool({"type": "object"})]})
    assert adapted(body, rejects=["schema:format"]).body == body
