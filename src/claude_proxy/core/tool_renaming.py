"""Gives the tool calls of an answer the tools' own names back, if the provider knows some by others.

whole events ──► RenamingDecoder.feed ──► the same, with the client's names
a whole answer ──► rename_calls ──► the same
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from claude_proxy.core import sse
from claude_proxy.core.json_values import Members, as_raw, read_members, text_of
from claude_proxy.core.memory_budget import MemoryShare
from claude_proxy.core.message_blocks import read_blocks
from claude_proxy.core.sse import SSEDecoder

_NEEDLE: Final = b"tool_use"


class RenamingDecoder(SSEDecoder):
    """A decoder for a stream in which tools have other names than the client's: `names` leads back to those."""

    __slots__ = ("_names",)

    def __init__(self, memory: MemoryShare, names: Mapping[str, str]) -> None:
        super().__init__(memory)
        self._names = names

    def feed(self, data: bytes) -> bytes:
        block = super().feed(data)
        return sse.rewrite(block, self._renamed, _NEEDLE) if _NEEDLE in block else block

    def _renamed(self, piece: bytes, whole: bytes) -> bytes:
        """Return an event with the client's name of a tool."""
        event = sse.parse(piece)
        members = read_members(event.data) if event else None
        if event is None or members is None or "content_block" not in members:
            return whole
        block = _with_own_name(read_members(members["content_block"]) or {}, self._names)
        if block is None:
            return whole
        return sse.written(event.name, bytes(as_raw({**members, "content_block": block})))


def rename_calls(answer: bytes, names: Mapping[str, str]) -> bytes:
    """Return a whole answer with the client's names of tools."""
    members = read_members(answer) if _NEEDLE in answer else None
    blocks = read_blocks(members.get("content")) if members else None
    if members is None or blocks is None:
        return answer
    renamed = [_with_own_name(block.members, names) if block.kind == _NEEDLE.decode() else None for block in blocks]
    if not any(renamed):
        return answer
    content = [msgspec.Raw(block.raw) if new is None else new for new, block in zip(renamed, blocks, strict=True)]
    return bytes(as_raw({**members, "content": content}))


def _with_own_name(block: Members, names: Mapping[str, str]) -> msgspec.Raw | None:
    """Return a tool call with the tool's own name; None if it has that."""
    own = names.get(text_of(block, "name")) if text_of(block, "type") == "tool_use" else None
    return None if own is None else as_raw({**block, "name": own})
