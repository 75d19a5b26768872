"""The `tools` field: fields of tools that are refused, and server tools that the provider does not have."""

from __future__ import annotations

from typing import Final

import msgspec

from claude_proxy.core.adaptation.draft import Draft
from claude_proxy.core.adaptation.message_blocks import Members, listed, read_members, text_of
from claude_proxy.core.adaptation.system_prompt import with_a_word
from claude_proxy.core.server_tools import TOOL_SEARCH, among

_MAX_NAME_LENGTH: Final = 64


def without_refused_tools(draft: Draft) -> None:
    """Take server tools out that the provider does not have, and have the model say so where one would be needed."""
    has = draft.terms.traits.server_tools
    if has is None or all(among(has, kind) for kind in draft.request.required_features.server_tools):
        return
    tools = listed(draft.raw("tools"))
    kept, gone = list[msgspec.Raw](), list[Members]()
    for raw in tools or ():
        tool = read_members(raw) or {}
        if among(has, text_of(tool, "type")):
            kept.append(raw)
        else:
            gone.append(tool)
    _take_out(draft, kept, gone)


def _take_out(draft: Draft, kept: list[msgspec.Raw], gone: list[Members]) -> None:
    if kept:
        draft.write("tools", kept)
    else:
        draft.drop("tools")
    kinds = [text_of(tool, "type") for tool in gone]
    names = [text_of(tool, "name") for tool in gone]
    for kind in kinds:
        draft.changes.note(f"tool:{kind}")
    _mend_choice(draft, names, left=bool(kept))
    if any(kind.startswith("mcp_toolset") for kind in kinds):
        draft.drop("mcp_servers")  # the servers of a toolset, which are refused without it
    if any(kind.startswith(TOOL_SEARCH) for kind in kinds):
        _drop_from_tools(draft, frozenset({"defer_loading"}))  # nobody looks for them now
    missed = [name or kind for name, kind in zip(names, kinds, strict=True) if not kind.startswith(TOOL_SEARCH)]
    if missed:
        with_a_word(draft, _not_available(missed))


def _mend_choice(draft: Draft, names: list[str], *, left: bool) -> None:
    choice = draft.members("tool_choice")
    if choice is not None and (not left or (choice.get("type") == "tool" and choice.get("name") in names)):
        draft.drop("tool_choice")


def _not_available(names: list[str]) -> str:
    listed = ", ".join(name[:_MAX_NAME_LENGTH] for name in dict.fromkeys(names))
    return (
        f"Not available here, since the provider that answers now does not have it: {listed}. "
        "Where it would be needed, say plainly that it could not be used; do not answer as if it had been."
    )


def without_refused_tool_fields(draft: Draft) -> None:
    """Take out of each tool the fields that the provider does not take: `defer_loading`."""
    if draft.terms.tool_fields:
        _drop_from_tools(draft, draft.terms.tool_fields)


def _drop_from_tools(draft: Draft, names: frozenset[str]) -> None:
    raw = draft.raw("tools") or b""
    if not any(b'"%b"' % name.encode() in raw for name in names):
        return
    tools, dropped = listed(raw) or [], False
    for index, each in enumerate(tools):
        tool = read_members(each) or {}
        refused = names.intersection(tool)
        if refused:
            kept = {name: value for name, value in tool.items() if name not in refused}
            tools[index] = msgspec.Raw(msgspec.json.encode(kept))
            dropped = True
        for name in sorted(refused):
            draft.changes.note(f"tool_field:{name}")
    if dropped:
        draft.write("tools", tools)
