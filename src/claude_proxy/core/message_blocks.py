"""One message of a conversation and its content blocks, read as far as needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from claude_proxy.core.json_values import Members, as_raw, read_items, read_members, read_text, text_of, try_decode

ASSISTANT: Final = b'{"role":"assistant","'
USER: Final = b'{"role":"user","'
"""How messages begin that Claude Code and the official libraries write."""


class _BlockType(msgspec.Struct, gc=False):
    type: str = ""


_types = msgspec.json.Decoder(list[_BlockType])


class Block:
    """A block of a message's content. If no rule replaces it, it is written as it came."""

    __slots__ = ("_members", "kind", "raw")

    def __init__(self, raw: msgspec.Raw, kind: str) -> None:
        self.raw = raw
        self.kind = kind
        self._members: Members | None = None

    @property
    def members(self) -> Members:
        """Its members, read at the first use: for most blocks the type is enough."""
        if self._members is None:
            self._members = read_members(self.raw) or {}
        return self._members

    @classmethod
    def made(cls, members: Mapping[str, object], kind: str) -> Block:
        """Return a new block."""
        return cls(as_raw(members), kind)

    @classmethod
    def text(cls, text: str, instead_of: Block | None = None) -> Block:
        """Return a text block, with the cache mark of the block that it replaces."""
        members: dict[str, object] = {"type": "text", "text": text}
        if instead_of and "cache_control" in instead_of.members:
            members["cache_control"] = instead_of.members["cache_control"]
        return cls.made(members, "text")

    def with_member(self, name: str, value: object) -> Block:
        """Return this block with one member changed."""
        return Block.made({**self.members, name: value}, self.kind)


def read_blocks(content: msgspec.Raw | None) -> list[Block] | None:
    """Return the blocks of a content that is a list of objects; None if it is something else."""
    raws = read_items(content)
    if content is None or raws is None:
        return None
    types = try_decode(_types, bytes(content))
    if types is not None:
        return [Block(raw, block.type) for raw, block in zip(raws, types, strict=True)]
    blocks = list[Block]()
    for raw in raws:  # at least one is no object, or its type is no text
        members = read_members(raw)
        if members is None:
            return None
        blocks.append(Block(raw, text_of(members, "type")))
    return blocks


class Message:
    """A message with its blocks. A content that is a text counts as one block, an empty text as none."""

    __slots__ = ("_members", "_raw", "blocks", "changed", "role")

    def __init__(self, raw: bytes, members: Members, role: str, blocks: list[Block]) -> None:
        self._raw = raw
        self._members = members
        self.role = role
        self.blocks = blocks
        self.changed = False

    @classmethod
    def read(cls, raw: bytes) -> Message | None:
        """Read a message; None if it is no object, or its content is neither a text nor a list of blocks."""
        members = read_members(raw)
        if members is None or "content" not in members:
            return None
        content = members["content"]
        blocks = read_blocks(content)
        if blocks is None:
            text = read_text(content)
            if text is None:
                return None
            blocks = [Block.text(text)] if text else []
        return cls(raw, members, text_of(members, "role"), blocks)

    @classmethod
    def of(cls, role: str, blocks: list[Block]) -> Message:
        """Return a new message."""
        message = cls(b"", {"role": as_raw(role)}, role, [])
        message.replace_blocks(blocks)
        return message

    def replace_blocks(self, blocks: list[Block]) -> None:
        """Give the message other blocks."""
        self.blocks = blocks
        self.changed = True

    def append_blocks(self, blocks: list[Block]) -> None:
        """Add blocks at the end of the message."""
        self.blocks += blocks
        self.changed = True

    def encode(self) -> bytes:
        """Return the message as JSON: as it came, if it was not changed."""
        if not self.changed:
            return self._raw
        return msgspec.json.encode({**self._members, "content": [block.raw for block in self.blocks]})
