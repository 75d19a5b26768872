"""What a request asks of its provider beyond text: images, documents, server tools. It decides who is asked first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from claude_proxy.core.adaptation.message_blocks import Message, listed, read_blocks
from claude_proxy.core.json_values import try_decode
from claude_proxy.core.server_tools import is_server_tool


@dataclass(frozen=True, slots=True)
class RequiredFeatures:
    """What not every provider can do, as somebody names it."""

    images: bool = False
    """An image stands in a message, inside tool results too."""
    documents: bool = False
    """The same for a document, such as a PDF."""
    server_tools: tuple[str, ...] = ()
    """The types of the server tools among its tools: `web_search_20250305`."""


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


class RequestedFeatures:
    """What a request demands, looked for no sooner than somebody asks, and once: it takes up to 0.5 ms for each MB."""

    __slots__ = ("_body", "_kinds", "_server_tools", "_spans")

    def __init__(self, body: bytes, spans: Mapping[str, slice]) -> None:
        self._body = body
        self._spans = spans
        self._kinds: frozenset[str] | None = None
        self._server_tools: tuple[tuple[str, ...], bool] | None = None

    @property
    def images(self) -> bool:
        """Whether an image stands in a message, inside tool results too."""
        return "image" in self.kinds

    @property
    def documents(self) -> bool:
        """The same for a document."""
        return "document" in self.kinds

    @property
    def kinds(self) -> frozenset[str]:
        """The types of all blocks in its messages, and of those inside them."""
        if self._kinds is None:
            raw = self._raw("messages")
            read = try_decode(_messages, raw)
            self._kinds = frozenset(_kinds_in_oddities(raw) if read is None else _kinds_in(read))
        return self._kinds

    @property
    def server_tools(self) -> tuple[str, ...]:
        """The types of the server tools among its tools."""
        return self._read_tools()[0]

    @property
    def nothing_else(self) -> bool:
        """Whether it has server tools and no other tool beside them: so Claude Code asks for a web search."""
        return self._read_tools()[1]

    def _read_tools(self) -> tuple[tuple[str, ...], bool]:
        if self._server_tools is None:
            tools = try_decode(_tools, self._raw("tools")) or ()
            found = tuple([tool.type for tool in tools if tool.type and is_server_tool(tool.type)])
            self._server_tools = found, bool(found) and len(found) == len(tools)
        return self._server_tools

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


def _kinds_in_oddities(raw: bytes) -> Iterator[str]:
    """Yield the same of messages some of which have another shape; slower, and as the rules for blocks read them."""
    for each in listed(raw) or ():
        message = Message.read(bytes(each))
        for block in message.blocks if message else ():
            yield block.kind
            yield from [inner.kind for inner in read_blocks(block.members.get("content")) or ()]
