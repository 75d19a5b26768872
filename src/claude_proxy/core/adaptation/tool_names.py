"""The rule for names of tools: some providers take short ones of letters, digits, `_` and `-` only, and no digit first.

Another name is made from the tool's own alone, so that every turn sends the same. The answer gets the tool's own back
(`core/tool_renaming.py`).
"""

from __future__ import annotations

import re
from hashlib import blake2b
from types import MappingProxyType
from typing import Final

import msgspec

from claude_proxy.core.adaptation.draft import Draft
from claude_proxy.core.adaptation.rule import REWRITTEN, AdaptationRule, ChangeText, MessageRule
from claude_proxy.core.json_values import as_raw, read_items, read_members, text_of
from claude_proxy.core.message_blocks import Block, Message, read_blocks
from claude_proxy.core.traits import Kind

MAX_NAME: Final = 64
_MAX_KEPT: Final = 48
"""Characters of an odd name that stay legible."""
_PLAIN: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_-]{0,63}")
_NOT_PLAIN: Final = re.compile(r"[^a-zA-Z0-9_-]")
_MEMBERS: Final = {"tool_use": "name", "tool_reference": "tool_name"}
"""By the type of a block, the member that holds a tool's name."""


def is_plain(name: str) -> bool:
    """Tell whether every provider takes this name of a tool."""
    return _PLAIN.fullmatch(name) is not None


def plain_name(name: str) -> str:
    """Return a name that every provider takes: the given one, or one made from it."""
    if is_plain(name):
        return name
    digest = blake2b(name.encode(errors="surrogatepass"), digest_size=4).hexdigest()
    legible = _NOT_PLAIN.sub("_", name[:_MAX_KEPT])
    return f"{'' if legible[:1].isalpha() else 't_'}{legible}_{digest}"


class ToolNames(MessageRule):
    """Replaces the names of some tools in their calls, and where they are referred to."""

    __slots__ = ("_draft",)

    user_messages = True
    assistant_messages = True

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    def concerns(self, raw: bytes, role: str) -> bool:
        """Tell whether a message may hold a tool's name."""
        del self, role
        return b'"tool_use"' in raw or b'"tool_reference"' in raw

    def apply(self, message: Message) -> None:
        """Replace the names, inside tool results too."""
        blocks = [self._renamed(block) for block in message.blocks]
        if any(new is not old for new, old in zip(blocks, message.blocks, strict=True)):
            message.replace_blocks(blocks)

    def _renamed(self, block: Block) -> Block:
        if block.kind == "tool_result":
            inner = read_blocks(block.members.get("content")) or []
            new = [self._renamed(each) for each in inner]
            changed = any(one is not other for one, other in zip(new, inner, strict=True))
            return block.with_member("content", [each.raw for each in new]) if changed else block
        member = _MEMBERS.get(block.kind)
        name = text_of(block.members, member) if member else ""
        return block.with_member(member, rename(self._draft, name)) if member and name and not is_plain(name) else block


def rename(draft: Draft, name: str) -> str:
    """Return the name by which the provider knows a tool with an odd name, and remember the tool's own."""
    plain = plain_name(name)
    draft.tool_names[plain] = name
    draft.changes.note("tool-name")
    return plain


def rename_tools(draft: Draft) -> ToolNames | None:
    """Replace the names in `tools` and `tool_choice`; return the rule for the messages."""
    if not draft.constraints.plain_tool_names:
        return None
    tools = [_renamed_tool(tool, draft) for tool in read_items(draft.raw("tools")) or ()]
    if draft.tool_names:
        draft.write("tools", tools)
        choice = draft.members("tool_choice") or {}
        if isinstance(name := choice.get("name"), str):
            draft.write("tool_choice", {**choice, "name": plain_name(name)})
    return ToolNames(draft)


def _renamed_tool(tool: msgspec.Raw, draft: Draft) -> msgspec.Raw:
    members = read_members(tool) or {}
    name = text_of(members, "name")
    return as_raw({**members, "name": rename(draft, name)}) if name and not is_plain(name) else tool


_REPLACED: Final = ChangeText(REWRITTEN, "names of tools that begin with a digit, are long or hold other characters")

TOOL_NAMES: Final = AdaptationRule(
    name="tool-names",
    records=MappingProxyType(
        {
            "tool-name": (
                "Replaces the name of a tool that the provider rejects: it begins with a digit, is longer than 64 "
                "characters, or has others than letters, digits, `_` and `-`. The answer gets the tool's own name back."
            ),
        }
    ),
    on_messages=rename_tools,
    rejections=MappingProxyType({Kind.TOOL_NAME: _REPLACED}),
)
