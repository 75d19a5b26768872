"""The rule for what a provider rejects in the schemas of tools: a keyword, or a `type` beside `anyOf`.

What is removed only narrows what a tool may be given; the tool checks that itself. What gives a schema its meaning is
written in another way, or stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Any, Final

import msgspec

from claude_proxy.core.adaptation.draft import Draft
from claude_proxy.core.adaptation.rule import LEFT_OUT, REWRITTEN, AdaptationRule, ChangeText
from claude_proxy.core.json_values import as_raw, read_items, read_members, try_decode
from claude_proxy.core.traits import TYPE_BESIDE_ANY_OF, Kind, Rule

KEYWORDS: Final = frozenset(
    {
        *(
            "$schema",
            "$id",
            "$anchor",
            "$comment",
            "title",
            "default",
            "examples",
            "deprecated",
            "readOnly",
            "writeOnly",
        ),
        *("format", "pattern", "minLength", "maxLength", "contentEncoding", "contentMediaType", "contentSchema"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        *("minItems", "maxItems", "uniqueItems", "contains", "minContains", "maxContains", "unevaluatedItems"),
        *("minProperties", "maxProperties", "additionalProperties", "unevaluatedProperties", "patternProperties"),
        *("propertyNames", "dependentRequired", "dependentSchemas", "dependencies", "nullable", "not", "if", "then"),
        *("else", "const", "oneOf"),
    }
)
"""What can be removed, or written in another way, without which a schema still says what its tool is given."""

_OTHERWISE: Final = {"const": "enum", "oneOf": "anyOf"}
"""Keywords that say the same, or nearly."""

_SCHEMAS_BY_NAME: Final = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_LISTS: Final = ("anyOf", "oneOf", "allOf", "prefixItems")
_SINGLE: Final = (
    *("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"),
    *("unevaluatedItems", "unevaluatedProperties", "contentSchema"),
)
_TYPED: Final = ("type", "$ref", "allOf", "oneOf")
"""What says of an alternative which type it has."""

_any = msgspec.json.Decoder()


def simplify_schemas(draft: Draft) -> None:
    """Write the schemas of tools as the provider takes them. The other tools stay byte for byte."""
    rejected = draft.constraints.schema_keywords
    if not rejected:
        return
    needles = [b'"%b"' % ("anyOf" if name == TYPE_BESIDE_ANY_OF else name).encode() for name in rejected]
    if TYPE_BESIDE_ANY_OF in rejected and "oneOf" in rejected:
        needles.append(b'"oneOf"')
    raw = draft.raw("tools") or b""
    if not any(needle in raw for needle in needles):
        return
    tools = read_items(raw) or []
    changed = [_simplified(tool, draft) if any(needle in bytes(tool) for needle in needles) else tool for tool in tools]
    if any(new is not old for new, old in zip(changed, tools, strict=True)):
        draft.write("tools", changed)


def _simplified(tool: msgspec.Raw, draft: Draft) -> msgspec.Raw:
    members = read_members(tool) or {}
    schema = try_decode(_any, members.get("input_schema", msgspec.Raw(b"")))
    made = set[str]()
    for each in _schemas_in(schema):
        made.update(_simplify(each, draft.constraints.schema_keywords))
    for name in sorted(made):
        draft.changes.note(f"schema:{name}")
    return as_raw({**members, "input_schema": schema}) if made else tool


def _schemas_in(root: Any) -> Iterator[dict[str, Any]]:
    """Yield a schema and all that are in it, each before those in it; a property's name is no keyword."""
    waiting = [root]
    while waiting:
        schema = waiting.pop()
        if not isinstance(schema, dict):
            continue
        yield schema
        for name in _SCHEMAS_BY_NAME:
            if isinstance(inner := schema.get(name), dict):
                waiting += inner.values()
        for name in _LISTS:
            if isinstance(inner := schema.get(name), list):
                waiting += inner
        waiting += [schema[name] for name in _SINGLE if name in schema]
        if isinstance(items := schema.get("items"), list):
            waiting += items


def _simplify(schema: dict[str, Any], rejected: frozenset[str]) -> Iterator[str]:
    """Change one schema; yield what was changed in it."""
    for name in sorted(rejected & schema.keys()):
        value = schema[name]
        if other := _OTHERWISE.get(name):
            if other in schema:
                continue  # both at once can't be said in one
            schema[other] = [value] if name == "const" else value
        del schema[name]
        yield name
    alternatives = schema.get("anyOf")
    if TYPE_BESIDE_ANY_OF in rejected and "type" in schema and isinstance(alternatives, list) and alternatives:
        kind = schema.pop("type")
        for alternative in alternatives:
            if isinstance(alternative, dict) and not any(name in alternative for name in _TYPED):
                alternative["type"] = kind
        yield TYPE_BESIDE_ANY_OF


TOOL_SCHEMAS: Final = AdaptationRule(
    name="tool-schemas",
    records=MappingProxyType(
        {
            "schema:format": (
                "Removes a keyword that the provider rejects from the schemas of tools, or writes it in another way "
                "(`const`, `oneOf`)."
            ),
            "schema:type-beside-anyOf": "Moves the `type` beside an `anyOf` into its alternatives.",
        }
    ),
    apply=simplify_schemas,
    rejections=MappingProxyType(
        {
            Kind.SCHEMA: ChangeText(LEFT_OUT, "{} of tools' schemas"),
            Rule(Kind.SCHEMA, TYPE_BESIDE_ANY_OF): ChangeText(REWRITTEN, "schemas of tools with a type beside anyOf"),
        }
    ),
)
