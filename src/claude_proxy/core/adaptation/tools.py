"""Rules for the `tools` field: fields of tools that are rejected, and server tools that the provider does not have."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

import msgspec

from claude_proxy.core.adaptation.draft import Draft
from claude_proxy.core.adaptation.rule import LEFT_OUT, AdaptationRule, ChangeText
from claude_proxy.core.adaptation.system_prompt import append_notice
from claude_proxy.core.capabilities import accepts_tool
from claude_proxy.core.json_values import Members, as_raw, read_items, read_members, text_of
from claude_proxy.core.traits import Kind, ModelFacts, Traits

_TOOL_SEARCH: Final = "tool_search_tool_"
"""It looks for the tools that `defer_loading` keeps back."""

_MAX_NAME_LENGTH: Final = 64


def drop_server_tools(draft: Draft) -> None:
    """Remove server tools that the provider does not have, and tell the model to say so if it would need one."""
    has = draft.constraints.traits.server_tools
    if has is None or all(accepts_tool(has, kind) for kind in draft.request.required_features.server_tools):
        return
    kept, dropped = list[msgspec.Raw](), list[Members]()
    for raw in read_items(draft.raw("tools")) or ():
        tool = read_members(raw) or {}
        if accepts_tool(has, text_of(tool, "type")):
            kept.append(raw)
        else:
            dropped.append(tool)
    _write_without(draft, kept, dropped)


def _write_without(draft: Draft, kept: list[msgspec.Raw], dropped: list[Members]) -> None:
    if kept:
        draft.write("tools", kept)
    else:
        draft.drop("tools")
    kinds = [text_of(tool, "type") for tool in dropped]
    names = [text_of(tool, "name") for tool in dropped]
    for kind in kinds:
        draft.changes.note(f"tool:{kind}")
    _fix_choice(draft, names, left=bool(kept))
    if any(kind.startswith("mcp_toolset") for kind in kinds):
        draft.drop("mcp_servers")  # the servers of a toolset, which are rejected without it
    if any(kind.startswith(_TOOL_SEARCH) for kind in kinds):
        _drop_from_tools(draft, frozenset({"defer_loading"}))  # nothing loads them later now
    missing = [name or kind for name, kind in zip(names, kinds, strict=True) if not kind.startswith(_TOOL_SEARCH)]
    if missing:
        append_notice(draft, _not_available(missing))


def _fix_choice(draft: Draft, names: list[str], *, left: bool) -> None:
    choice = draft.members("tool_choice")
    if choice is not None and (not left or (choice.get("type") == "tool" and choice.get("name") in names)):
        draft.drop("tool_choice")


def _not_available(names: list[str]) -> str:
    listed = ", ".join(name[:_MAX_NAME_LENGTH] for name in dict.fromkeys(names))
    return (
        f"Not available here, since the provider that answers now does not have it: {listed}. "
        "Where it would be needed, say plainly that it could not be used; do not answer as if it had been."
    )


def _describe_server_tools(traits: Traits, facts: ModelFacts) -> Iterator[ChangeText]:
    del facts
    if traits.server_tools == ():
        yield ChangeText(LEFT_OUT, "tools that a provider runs itself, such as web search")
    elif traits.server_tools:
        yield ChangeText("", f"only these tools that a provider runs itself: {', '.join(traits.server_tools)}")


SERVER_TOOLS: Final = AdaptationRule(
    name="server-tools",
    records=MappingProxyType(
        {
            "tool:web_search_20250305": (
                "Removes a server tool that the provider does not have, and tells the model to say so if it "
                "needs the tool."
            ),
        }
    ),
    apply=drop_server_tools,
    describe=_describe_server_tools,
)


def drop_tool_fields(draft: Draft) -> None:
    """Remove from each tool the fields that the provider rejects: `defer_loading`."""
    if draft.constraints.tool_fields:
        _drop_from_tools(draft, draft.constraints.tool_fields)


def _drop_from_tools(draft: Draft, names: frozenset[str]) -> None:
    raw = draft.raw("tools") or b""
    if not any(b'"%b"' % name.encode() in raw for name in names):
        return
    tools, changed = read_items(raw) or [], False
    for index, item in enumerate(tools):
        tool = read_members(item) or {}
        rejected = names.intersection(tool)
        if rejected:
            tools[index] = as_raw({name: value for name, value in tool.items() if name not in rejected})
            changed = True
        for name in sorted(rejected):
            draft.changes.note(f"tool_field:{name}")
    if changed:
        draft.write("tools", tools)


TOOL_FIELDS: Final = AdaptationRule(
    name="tool-fields",
    records=MappingProxyType(
        {
            "tool_field:defer_loading": "Removes a field from each tool.",
        }
    ),
    apply=drop_tool_fields,
    rejections=MappingProxyType({Kind.TOOL_FIELD: ChangeText(LEFT_OUT, "{} of tools")}),
)
