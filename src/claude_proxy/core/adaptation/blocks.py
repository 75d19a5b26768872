"""The rule for blocks that a provider or model cannot read: a text replaces them that says what it was."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Any, Final

import msgspec

from claude_proxy.core.adaptation.draft import Changes, Draft
from claude_proxy.core.adaptation.rule import REPLACED, AdaptationRule, ChangeText, MessageRule
from claude_proxy.core.json_values import text_of, try_decode
from claude_proxy.core.message_blocks import Block, Message, read_blocks
from claude_proxy.core.traits import Kind, ModelFacts, Rule, Traits

MAX_TEXT: Final = 4000
"""How many characters are kept of what can be read in a block of the provider's own."""

_MAX_DEPTH: Final = 6
_MAX_NAME_LENGTH: Final = 128
_REPLACEMENTS: Final = {
    "image": "[An image stood here. The model that answers now cannot read images.]",
    "document": "[A document stood here. The model that answers now cannot read documents.]",
}
_KEPT_WHOLE: Final = frozenset({"search_result"})
"""Blocks with the user's own words; documents are another."""

_READABLE: Final = ("title", "url", "source", "document_title", "text", "stdout", "stderr", "query", "error_code")
"""Members of results that make sense to a reader; the rest is for programs, or encrypted."""

_TEXT_MEMBERS: Final = {"text": "data", "content": "content"}
"""By the type of a document's source, the member that holds its text."""

_any = msgspec.json.Decoder()


class UnreadableBlocks(MessageRule):
    """Replaces the blocks of some types."""

    __slots__ = ("_changes", "_kinds", "_needles")

    user_messages = True
    assistant_messages = True

    def __init__(self, kinds: frozenset[str], changes: Changes) -> None:
        self._kinds = kinds
        self._changes = changes
        self._needles = [b'"%b"' % kind.encode() for kind in sorted(kinds)]

    def concerns(self, raw: bytes, role: str) -> bool:
        """Tell whether a message may hold such a block."""
        del role
        return any(raw.find(needle) >= 0 for needle in self._needles)

    def apply(self, message: Message) -> None:
        """Replace the blocks by texts, inside tool results too."""
        calls = frozenset([_call_id(block) for block in message.blocks if block.kind in self._kinds]) - {""}
        blocks = [self._readable(block, calls) for block in message.blocks]
        if any(new is not old for new, old in zip(blocks, message.blocks, strict=True)):
            kept = [block for block in blocks if block]
            message.replace_blocks(kept or [Block.text("[nothing that can be read]")])

    def _readable(self, block: Block, calls: frozenset[str]) -> Block | None:
        if block.kind in self._kinds:
            self._changes.note(f"block:{block.kind}")
            return _replacement(block)
        if block.kind == "tool_result":
            return self._readable_result(block)
        if calls and _call_id(block) in calls:
            # the other half of a pair: a call without its result is rejected as well
            self._changes.note(f"block:{block.kind}")
            return _replacement(block)
        return block

    def _readable_result(self, result: Block) -> Block:
        inner = read_blocks(result.members.get("content"))
        if not inner or not any(block.kind in self._kinds for block in inner):
            return result
        new = [self._readable(block, frozenset()) for block in inner]
        return result.with_member("content", [block.raw for block in new if block])


def replace_unreadable_blocks(draft: Draft) -> UnreadableBlocks | None:
    """Return the rule for the blocks of this request that its provider or model cannot read."""
    kinds = draft.constraints.blocks
    present = kinds & draft.request.required_features.kinds if kinds else kinds
    return UnreadableBlocks(present, draft.changes) if present else None


def _call_id(block: Block) -> str:
    """Return the id that a server tool's call and its result share; an empty text for any other block."""
    if block.kind in ("server_tool_use", "mcp_tool_use"):
        return text_of(block.members, "id")
    return text_of(block.members, "tool_use_id") if block.kind.endswith("_tool_result") else ""


def _replacement(block: Block) -> Block | None:
    """Return what replaces a block; None if nothing has to."""
    if block.kind == "redacted_thinking":
        return None
    return Block.text(_replacement_text(block), instead_of=block)


def _replacement_text(block: Block) -> str:
    members = block.members
    if block.kind == "tool_reference":
        return f"The tool {text_of(members, 'tool_name')[:_MAX_NAME_LENGTH]} is available now."
    if block.kind == "document":
        return _document_text(block) or _REPLACEMENTS["document"]
    if block.kind in _REPLACEMENTS:
        return _REPLACEMENTS[block.kind]
    text = "\n".join(dict.fromkeys(_readable_texts(try_decode(_any, bytes(block.raw)), _MAX_DEPTH)))
    text = text if block.kind in _KEPT_WHOLE else text[:MAX_TEXT]
    tool = text_of(members, "name")[:_MAX_NAME_LENGTH]
    notice = f"[A block of the type {block.kind} stood here{f', for the tool {tool}' if tool else ''}."
    return f"{notice} What can be read of it:]\n{text}" if text else f"{notice}]"


def _document_text(document: Block) -> str:
    """Return the text of a document that is a text, or has some."""
    source = try_decode(_any, bytes(document.members.get("source", b"")))
    text = _source_text(source) if isinstance(source, dict) else ""
    title = text_of(document.members, "title")
    return f"[Document: {title}]\n{text}" if title and text else text


def _source_text(source: dict[str, Any]) -> str:
    content = source.get(_TEXT_MEMBERS.get(str(source.get("type")), ""))
    if isinstance(content, str):
        return content
    blocks = [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
    return "\n".join([str(block["text"]) for block in blocks if block.get("type") == "text" and "text" in block])


def _readable_texts(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, list) and depth:
        for item in value:
            yield from _readable_texts(item, depth - 1)
    elif isinstance(value, dict) and depth:
        for name, member in value.items():
            if isinstance(member, str):
                if name in _READABLE and member:
                    yield member
            else:
                yield from _readable_texts(member, depth - 1)


def _describe(traits: Traits, facts: ModelFacts) -> Iterator[ChangeText]:
    del traits
    if facts.images is False:
        yield ChangeText(REPLACED, "images")


UNREADABLE_BLOCKS: Final = AdaptationRule(
    name="unreadable-blocks",
    records=MappingProxyType(
        {
            "block:image": (
                "Replaces a block that the model cannot read (`image`, `document`, `tool_reference` and others) "
                "with a text that says what it was, inside tool results too. Text in the block is kept."
            ),
        }
    ),
    on_messages=replace_unreadable_blocks,
    describe=_describe,
    rejections=MappingProxyType(
        {
            Kind.BLOCK: ChangeText(REPLACED, "{}"),
            Rule(Kind.BLOCK, "image"): ChangeText(REPLACED, "images"),
            Rule(Kind.BLOCK, "document"): ChangeText(REPLACED, "documents"),
        }
    ),
)
