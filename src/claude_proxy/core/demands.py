"""What a request asks of its provider beyond text: images, documents, server tools. It decides who is asked first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from claude_proxy.core.lenient import decoded
from claude_proxy.core.request import MessagesRequest
from claude_proxy.core.server_tools import is_server_tool


@dataclass(frozen=True, slots=True)
class Demands:
    """What not every provider can do."""

    images: bool = False
    """An image stands in a message, inside tool results too."""
    documents: bool = False
    """The same for a document, such as a PDF."""
    server_tools: tuple[str, ...] = ()
    """The types of the server tools among its tools: `web_search_20250305`."""
    nothing_else: bool = False
    """It has server tools, and no other tool beside them: Claude Code asks for a web search like that."""


class _Inner(msgspec.Struct):
    type: str = ""


class _Block(msgspec.Struct):
    type: str = ""
    content: list[_Inner] | _Inner | str | None = None  # an object: the error of a server tool


class _Message(msgspec.Struct):
    content: list[_Block] | str = ""


class _Tool(msgspec.Struct):
    type: str | None = None


_messages = msgspec.json.Decoder(list[msgspec.Raw])
_message = msgspec.json.Decoder(_Message)
_tools = msgspec.json.Decoder(list[_Tool])

_IMAGE: Final = b'"image"'
_DOCUMENT: Final = b'"document"'


def demands_of(request: MessagesRequest, *, files: bool = True) -> Demands:
    """Return what a request demands. Cheap where it demands nothing: a byte search comes before any parsing.

    The search for images and documents takes up to 1 ms for each MB; without `files` it is left out.
    """
    found = _files(request) if files else set[str]()
    kinds = [tool.type or "" for tool in _decoded_tools(request)]
    server_tools = tuple(kind for kind in kinds if is_server_tool(kind))
    return Demands("image" in found, "document" in found, server_tools, 0 < len(server_tools) == len(kinds))


def _decoded_tools(request: MessagesRequest) -> list[_Tool]:
    span = request.spans.get("tools")
    return (decoded(_tools, request.body[span]) or []) if span else []


def _files(request: MessagesRequest) -> set[str]:
    span = request.spans.get("messages")
    if span is None or not any(request.body.find(needle, span.start, span.stop) >= 0 for needle in (_IMAGE, _DOCUMENT)):
        return set()
    found = set[str]()
    for raw in decoded(_messages, request.body[span]) or ():
        text = bytes(raw)
        if _IMAGE in text or _DOCUMENT in text:
            found |= _kinds(text)
    return found


def _kinds(message: bytes) -> set[str]:
    """Return the types of a message's blocks, and of those inside its tool results."""
    read = decoded(_message, message)
    kinds = set[str]()
    for block in read.content if read and not isinstance(read.content, str) else ():
        kinds.add(block.type)
        if isinstance(block.content, list):
            kinds.update(inner.type for inner in block.content)
    return kinds
