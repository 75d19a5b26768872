"""What is in a request that was sent: an error can only be about something that is there."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import msgspec

from claude_proxy.core.adapt import Adapted
from claude_proxy.core.json_values import text_of, try_decode

_MAX_DEPTH = 8
"""Blocks inside blocks: a tool's result is the deepest that clients send."""


class _Message(msgspec.Struct):
    role: str = ""
    content: msgspec.Raw = msgspec.Raw()


class _Block(msgspec.Struct):
    type: str = ""
    content: msgspec.Raw = msgspec.Raw()


_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_objects = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_messages = msgspec.json.Decoder(list[_Message])
_blocks = msgspec.json.Decoder(list[_Block])
_text = msgspec.json.Decoder(str)
_number = msgspec.json.Decoder(int)


class SentRequest:
    """A request as a provider got it. Each part is read at its first use."""

    def __init__(self, adapted: Adapted) -> None:
        self._adapted = adapted

    @cached_property
    def fields(self) -> dict[str, msgspec.Raw]:
        """The top-level fields."""
        return try_decode(_object, self._adapted.body) or {}

    def inside(self, field: str) -> dict[str, msgspec.Raw]:
        """Return the fields of a top-level field that is an object."""
        return try_decode(_object, bytes(self.fields.get(field, b""))) or {}

    def has(self, name: str) -> bool:
        """Tell whether a field is there; dotted if it is inside another."""
        outer, _, inner = name.partition(".")
        return inner in self.inside(outer) if inner else outer in self.fields

    def mentions(self, key: str) -> bool:
        """Tell whether any object in it has such a key."""
        return f'"{key}"'.encode() in self._adapted.body

    def tools_mention(self, key: str) -> bool:
        """Tell whether any object in the tools has such a key."""
        return f'"{key}"'.encode() in self._raw("tools")

    @cached_property
    def tool_names(self) -> tuple[str, ...]:
        """The names of the tools, in their order."""
        return tuple([text_of(tool, "name") for tool in self._tools])

    @cached_property
    def tool_schemas(self) -> tuple[bytes, ...]:
        """The schemas of the tools, in their order."""
        return tuple([bytes(tool.get("input_schema", b"")) for tool in self._tools])

    @cached_property
    def tool_fields(self) -> frozenset[str]:
        """The fields that any tool has."""
        return frozenset(name for tool in self._tools for name in tool)

    @cached_property
    def roles(self) -> frozenset[str]:
        """The roles of the messages."""
        return frozenset(message.role for message in self._list)

    @cached_property
    def blocks(self) -> frozenset[str]:
        """The types of the content blocks, those in tool results too."""
        return frozenset(kind for message in self._list for kind in _types(message.content, _MAX_DEPTH))

    @property
    def thinking(self) -> str:
        """The `thinking.type` that is asked for, or an empty text."""
        return try_decode(_text, bytes(self.inside("thinking").get("type", b""))) or ""

    @property
    def max_tokens(self) -> int:
        """How many tokens are asked for at most; 0 if that is not said."""
        return try_decode(_number, bytes(self.fields.get("max_tokens", b""))) or 0

    @cached_property
    def betas(self) -> tuple[str, ...]:
        """The values of the `anthropic-beta` headers."""
        lines = self._adapted.head.decode("latin-1").split("\r\n")
        fields = (line.partition(":") for line in lines)
        values = (value for name, _, value in fields if name.strip().lower() == "anthropic-beta")
        return tuple(beta.strip() for value in values for beta in value.split(",") if beta.strip())

    @cached_property
    def _tools(self) -> list[dict[str, msgspec.Raw]]:
        return try_decode(_objects, self._raw("tools")) or []

    @cached_property
    def _list(self) -> list[_Message]:
        return try_decode(_messages, self._raw("messages")) or []

    def _raw(self, field: str) -> bytes:
        return bytes(self.fields.get(field, b""))


def _types(content: msgspec.Raw, depth: int) -> Iterator[str]:
    for block in (try_decode(_blocks, bytes(content)) or []) if depth else []:
        yield block.type
        yield from _types(block.content, depth - 1)
