"""Blocks that a provider or model can't read: a text takes their place that says what stood there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from claude_proxy.core.adaptation.changes import Changes
from claude_proxy.core.adaptation.message_blocks import Block, Message, read_blocks, text_of
from claude_proxy.core.json_values import try_decode

MAX_TEXT: Final = 4000
"""How many characters are kept of what can be read in a block of the provider's own."""

_MAX_DEPTH: Final = 6
_STOOD: Final = {
    "image": "[An image stood here. The model that answers now cannot read images.]",
    "document": "[A document stood here. The model that answers now cannot read documents.]",
}
_GIVEN: Final = frozenset({"search_result"})
"""Blocks of the user's own words, which are kept whole; documents are another."""

_TOLD: Final = ("title", "url", "source", "document_title", "text", "stdout", "stderr", "query", "error_code")
"""Members of results that a reader can make something of; the rest is for programs, or encrypted."""

_HOLDS: Final = {"text": "data", "content": "content"}
"""By the type of a document's source, the member in which its words stand."""

_any = msgspec.json.Decoder()


class Unreadable:
    """The rule for refused types of blocks."""

    __slots__ = ("_changes", "_kinds", "_needles", "idle")

    def __init__(self, kinds: frozenset[str], changes: Changes) -> None:
        self._kinds = kinds
        self._changes = changes
        self._needles = [b'"%b"' % kind.encode() for kind in sorted(kinds)]
        self.idle = not kinds

    def concern(self, message: bytes) -> bool:
        """Tell, by its bytes, whether a message may hold such a block."""
        return any(needle in message for needle in self._needles)

    def apply(self, message: Message) -> None:
        """Put texts in the place of refused blocks, inside tool results too."""
        if self.idle:
            return
        refused = frozenset([_call_of(block) for block in message.blocks if block.kind in self._kinds]) - {""}
        blocks = [self._readable(block, refused) for block in message.blocks]
        if any(new is not old for new, old in zip(blocks, message.blocks, strict=True)):
            message.put([block for block in blocks if block] or [Block.text("[nothing that can be read]")])

    def _readable(self, block: Block, refused: frozenset[str]) -> Block | None:
        if block.kind in self._kinds:
            self._changes.note(f"block:{block.kind}")
            return _replaced(block)
        if block.kind == "tool_result":
            return self._readable_result(block)
        if refused and _call_of(block) in refused:
            # the other half of a refused pair: a call without its result is refused as well
            self._changes.note(f"block:{block.kind}")
            return _replaced(block)
        return block

    def _readable_result(self, result: Block) -> Block:
        inner = read_blocks(result.members.get("content"))
        if not inner or not any(block.kind in self._kinds for block in inner):
            return result
        new = [self._readable(block, frozenset()) for block in inner]
        return result.with_member("content", [block.raw for block in new if block])


def _call_of(block: Block) -> str:
    """Return the id that a server tool's call and its result share; an empty text for any other block."""
    if block.kind in ("server_tool_use", "mcp_tool_use"):
        return text_of(block.members, "id")
    return text_of(block.members, "tool_use_id") if block.kind.endswith("_tool_result") else ""


def _replaced(block: Block) -> Block | None:
    """Return what takes the place of a block; None where nothing has to."""
    if block.kind == "redacted_thinking":
        return None
    return Block.text(_told(block), instead_of=block)


def _told(block: Block) -> str:
    members = block.members
    if block.kind == "tool_reference":
        return f"The tool {text_of(members, 'tool_name')[:128]} is available now."
    if block.kind == "document":
        return _plain_text(block) or _STOOD["document"]
    if block.kind in _STOOD:
        return _STOOD[block.kind]
    read = "\n".join(dict.fromkeys(_readable_in(try_decode(_any, bytes(block.raw)), _MAX_DEPTH)))
    read = read if block.kind in _GIVEN else read[:MAX_TEXT]
    name = text_of(members, "name")[:128]
    stood = f"[A block of the type {block.kind} stood here{f', for the tool {name}' if name else ''}."
    return f"{stood} What can be read of it:]\n{read}" if read else f"{stood}]"


def _plain_text(document: Block) -> str:
    """Return the text of a document that is one, or has some."""
    source = try_decode(_any, bytes(document.members.get("source", b"")))
    said = _said_in(source) if isinstance(source, dict) else ""
    title = text_of(document.members, "title")
    return f"[Document: {title}]\n{said}" if title and said else said


def _said_in(source: dict[str, Any]) -> str:
    said = source.get(_HOLDS.get(str(source.get("type")), ""))
    if isinstance(said, str):
        return said
    blocks = [block for block in said if isinstance(block, dict)] if isinstance(said, list) else []
    return "\n".join([str(block["text"]) for block in blocks if block.get("type") == "text" and "text" in block])


def _readable_in(value: Any, deeper: int) -> Iterator[str]:
    if isinstance(value, list) and deeper:
        for item in value:
            yield from _readable_in(item, deeper - 1)
    elif isinstance(value, dict) and deeper:
        for name, member in value.items():
            if isinstance(member, str):
                if name in _TOLD and member:
                    yield member
            else:
                yield from _readable_in(member, deeper - 1)
