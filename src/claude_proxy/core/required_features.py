"""What a request needs beyond text: images, documents, server tools. It decides which provider is tried first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from claude_proxy.core.json_values import read_items, try_decode
from claude_proxy.core.message_blocks import Message, read_blocks

SERVER_TOOLS: Final = ("web_search_", "web_fetch_", "code_execution_", "tool_search_tool_", "mcp_toolset", "advisor_")
"""How the types of tools begin that a provider runs by itself; the date after it is their version.

Tools that Anthropic defines and the client runs (`bash_`, `text_editor_`, `computer_`, `memory_`) are none of these.
"""


def is_server_tool(kind: str) -> bool:
    """Tell whether the provider runs tools of this type (`web_search_20250305`)."""
    return kind.startswith(SERVER_TOOLS)


class _Inner(msgspec.Struct, gc=False):
    type: str = ""


class _Block(msgspec.Struct, gc=False):
    type: str = ""
    content: list[_Inner] | _Inner | str | None = None  # an object: the error of a server tool


class _Message(msgspec.Struct, gc=False):
    content: list[_Block] | str = ""


class _Tool(msgspec.Struct, gc=False):
    type: str | None = None


_messages = msgspec.json.Decoder(list[_Message])
_tools = msgspec.json.Decoder(list[_Tool])
_NO_FIELDS: Final = MappingProxyType(dict[str, slice]())


class RequiredFeatures:
    """What a request needs. Its body is read at the first use of each property: that takes up to 0.5 ms for each MB."""

    __slots__ = ("_body", "_kinds", "_only_server_tools", "_server_tools", "_spans")

    def __init__(
        self,
        body: bytes = b"",
        spans: Mapping[str, slice] = _NO_FIELDS,
        *,
        kinds: frozenset[str] | None = None,
        server_tools: tuple[str, ...] | None = None,
    ) -> None:
        self._body = body
        self._spans = spans
        self._kinds = kinds
        self._server_tools = server_tools
        self._only_server_tools = False

    @classmethod
    def of(cls, *kinds: str, server_tools: Iterable[str] = ()) -> RequiredFeatures:
        """Return the features of a request without a body, from the types of its blocks and of its server tools."""
        return cls(kinds=frozenset(kinds), server_tools=tuple(server_tools))

    @property
    def images(self) -> bool:
        """Whether there is an image in a message, tool results included."""
        return "image" in self.kinds

    @property
    def documents(self) -> bool:
        """Whether there is a document, such as a PDF, in a message, tool results included."""
        return "document" in self.kinds

    @property
    def kinds(self) -> frozenset[str]:
        """The types of all blocks in its messages, and of those inside them."""
        if self._kinds is None:
            raw = self._raw("messages")
            messages = try_decode(_messages, raw)
            self._kinds = frozenset(_kinds_in_odd_messages(raw) if messages is None else _kinds_in(messages))
        return self._kinds

    @property
    def server_tools(self) -> tuple[str, ...]:
        """The types of the server tools among its tools: `web_search_20250305`."""
        if self._server_tools is None:
            tools = try_decode(_tools, self._raw("tools")) or ()
            self._server_tools = tuple([tool.type for tool in tools if tool.type and is_server_tool(tool.type)])
            self._only_server_tools = 0 < len(self._server_tools) == len(tools)
        return self._server_tools

    @property
    def only_server_tools(self) -> bool:
        """Whether it has server tools and no other tools: that is how Claude Code asks for a web search."""
        return bool(self.server_tools) and self._only_server_tools

    def _raw(self, name: str) -> bytes:
        span = self._spans.get(name)
        return self._body[span] if span else b"[]"


def _kinds_in(messages: list[_Message]) -> Iterator[str]:
    for message in messages:
        if isinstance(message.content, str):
            continue
        for block in message.content:
            yield block.type
            if isinstance(block.content, list):
                yield from [inner.type for inner in block.content]


def _kinds_in_odd_messages(raw: bytes) -> Iterator[str]:
    """Yield the same for messages of which some have another shape: slower, as the adaptation rules read them."""
    for item in read_items(raw) or ():
        message = Message.read(bytes(item))
        for block in message.blocks if message else ():
            yield block.kind
            yield from [inner.kind for inner in read_blocks(block.members.get("content")) or ()]
