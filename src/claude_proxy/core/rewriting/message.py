"""One message and its blocks, read as far as the rules need them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeAlias

import msgspec

from claude_proxy.core.lenient import decoded

Members: TypeAlias = dict[str, msgspec.Raw]
"""An object of which each value stands as it came."""

_members = msgspec.json.Decoder(Members)
_text = msgspec.json.Decoder(str)
_raws = msgspec.json.Decoder(list[msgspec.Raw])
_text_or_blocks = msgspec.json.Decoder(list[msgspec.Raw] | str)

ASSISTANT: Final = b'{"role":"assistant","'
USER: Final = b'{"role":"user","'
"""How messages begin that Claude Code and the official libraries write."""


def read_members(raw: msgspec.Raw | bytes) -> Members | None:
    """Return the members of an object; None where it is none."""
    return decoded(_members, bytes(raw))


def text_of(members: Members, name: str) -> str:
    """Return a member that is a text; an empty one where it is none."""
    raw = members.get(name)
    return "" if raw is None else decoded(_text, bytes(raw)) or ""


def listed(raw: msgspec.Raw | None) -> list[msgspec.Raw] | None:
    """Return the items of a list; None where it is none."""
    return None if raw is None else decoded(_raws, bytes(raw))


def as_raw(value: object) -> msgspec.Raw:
    """Return a value as JSON; raw JSON in it stays as it is."""
    return msgspec.Raw(msgspec.json.encode(value))


class Block:
    """A block of a message's content. One that no rule replaces is written as it came."""

    __slots__ = ("kind", "members", "raw")

    def __init__(self, raw: msgspec.Raw, members: Members) -> None:
        self.raw = raw
        self.members = members
        self.kind = text_of(members, "type")

    @classmethod
    def made(cls, members: dict[str, object]) -> Block:
        """Return a block of our own."""
        return cls(as_raw(members), {name: as_raw(value) for name, value in members.items()})

    @classmethod
    def text(cls, text: str, instead_of: Block | None = None) -> Block:
        """Return a block of text, with the cache mark of the one whose place it takes."""
        members: dict[str, object] = {"type": "text", "text": text}
        if instead_of and "cache_control" in instead_of.members:
            members["cache_control"] = instead_of.members["cache_control"]
        return cls.made(members)

    def with_member(self, name: str, value: object) -> Block:
        """Return this block with one member changed."""
        return Block.made({**self.members, name: value})


def read_blocks(raws: Iterable[msgspec.Raw]) -> list[Block] | None:
    """Return the blocks of a list; None where one of them is no object."""
    blocks = list[Block]()
    for raw in raws:
        members = read_members(raw)
        if members is None:
            return None
        blocks.append(Block(raw, members))
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
        content = decoded(_text_or_blocks, bytes(members["content"]))
        if isinstance(content, str):
            blocks: list[Block] | None = [Block.text(content)] if content else []
        else:
            blocks = None if content is None else read_blocks(content)
        return None if blocks is None else cls(raw, members, text_of(members, "role"), blocks)

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

    def written(self) -> bytes:
        """Return the message as JSON: as it came, where it was not changed."""
        if not self.changed:
            return self._raw
        return msgspec.json.encode({**self._members, "content": [block.raw for block in self.blocks]})
