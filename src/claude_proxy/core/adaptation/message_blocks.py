"""One message and its blocks, read as far as the rules need them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

import msgspec

from claude_proxy.core.json_values import try_decode

Members: TypeAlias = dict[str, msgspec.Raw]
"""An object of which each value stands as it came."""


class _Kind(msgspec.Struct, gc=False):
    type: str = ""


_members = msgspec.json.Decoder(Members)
_text = msgspec.json.Decoder(str)
_raws = msgspec.json.Decoder(list[msgspec.Raw])
_kinds = msgspec.json.Decoder(list[_Kind])

ASSISTANT: Final = b'{"role":"assistant","'
USER: Final = b'{"role":"user","'
"""How messages begin that Claude Code and the official libraries write."""


def read_members(raw: msgspec.Raw | bytes) -> Members | None:
    """Return the members of an object; None where it is none."""
    return try_decode(_members, bytes(raw))


def text_of(members: Members, name: str) -> str:
    """Return a member that is a text; an empty one where it is none."""
    raw = members.get(name)
    return "" if raw is None else try_decode(_text, bytes(raw)) or ""


def listed(raw: msgspec.Raw | bytes | None) -> list[msgspec.Raw] | None:
    """Return the items of a list; None where it is none."""
    return None if raw is None else try_decode(_raws, bytes(raw))


def as_raw(value: object) -> msgspec.Raw:
    """Return a value as JSON; raw JSON in it stays as it is."""
    return msgspec.Raw(msgspec.json.encode(value))


class Block:
    """A block of a message's content. One that no rule replaces is written as it came."""

    __slots__ = ("_members", "kind", "raw")

    def __init__(self, raw: msgspec.Raw, kind: str) -> None:
        self.raw = raw
        self.kind = kind
        self._members: Members | None = None

    @property
    def members(self) -> Members:
        """Its members, read when they are first asked for: most blocks are known by their kind alone."""
        if self._members is None:
            self._members = read_members(self.raw) or {}
        return self._members

    @classmethod
    def made(cls, members: Mapping[str, object], kind: str) -> Block:
        """Return a block of our own."""
        return cls(as_raw(members), kind)

    @classmethod
    def text(cls, text: str, instead_of: Block | None = None) -> Block:
        """Return a block of text, with the cache mark of the one whose place it takes."""
        members: dict[str, object] = {"type": "text", "text": text}
        if instead_of and "cache_control" in instead_of.members:
            members["cache_control"] = instead_of.members["cache_control"]
        return cls.made(members, "text")

    def with_member(self, name: str, value: object) -> Block:
        """Return this block with one member changed."""
        return Block.made({**self.members, name: value}, self.kind)


def read_blocks(content: msgspec.Raw | None) -> list[Block] | None:
    """Return the blocks of a content that is a list; None where it is none, or one of them is no object."""
    raws = listed(content)
    if content is None or raws is None:
        return None
    kinds = try_decode(_kinds, bytes(content))
    if kinds is not None:
        return [Block(raw, kind.type) for raw, kind in zip(raws, kinds, strict=True)]
    blocks = list[Block]()
    for raw in raws:  # there is an odd one among them
        members = read_members(raw)
        if members is None:
            return None
        blocks.append(Block(raw, text_of(members, "type")))
    return blocks


class Message:
    """A message with its blocks; a content that is a text counts as one block, an empty text as none."""

    __slots__ = ("_members", "_raw", "blocks", "changed", "role")

    def __init__(self, raw: bytes, members: Members, role: str, blocks: list[Block]) -> None:
        self._raw = raw
        self._members = members
        self.role = role
        self.blocks = blocks
        self.changed = False

    @classmethod
    def read(cls, raw: bytes) -> Message | None:
        """Read a message; None where it is none, or its content has not the shape of one."""
        members = read_members(raw)
        if members is None or "content" not in members:
            return None
        content = members["content"]
        blocks = read_blocks(content)
        if blocks is None:
            text = try_decode(_text, bytes(content))
            if text is None:
                return None
            blocks = [Block.text(text)] if text else []
        return cls(raw, members, text_of(members, "role"), blocks)

    @classmethod
    def of(cls, role: str, blocks: list[Block]) -> Message:
        """Return a message of our own."""
        message = cls(b"", {"role": as_raw(role)}, role, [])
        message.put(blocks)
        return message

    def put(self, blocks: list[Block]) -> None:
        """Give the message other blocks."""
        self.blocks = blocks
        self.changed = True

    def add(self, blocks: list[Block]) -> None:
        """Give the message more blocks, behind its own."""
        self.blocks += blocks
        self.changed = True

    def written(self) -> bytes:
        """Return the message as JSON: as it came, where it was not changed."""
        if not self.changed:
            return self._raw
        return msgspec.json.encode({**self._members, "content": [block.raw for block in self.blocks]})
