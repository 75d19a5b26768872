"""What a client has of an answer whose stream may die: read from the bytes that it was sent.

Bytes are kept as they are and read when it matters, since nearly all streams end well. What grows long is read earlier:
the texts in it take a tenth of the space of their events.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Final

import msgspec

from claude_proxy.core import sse
from claude_proxy.core.json_values import try_decode

MAX_UNREAD_BYTES: Final = 256 * 1024
"""How many bytes of events are kept unread: about 1,700 of them."""

MAX_CHARS: Final = 512 * 1024
"""The longest answer that can be continued, in characters of its text, thinking and signatures: over 128,000 tokens."""

_BLOCK_CHARS: Final = 64
"""What a block counts for beside its text: an endless row of empty ones is no answer either."""

_PLAIN: Final = frozenset({"text", "thinking"})


class Content(enum.Enum):
    """What of an answer a client has, as far as it decides how the answer can go on."""

    NOTHING = "nothing"
    THINKING = "thinking"
    """Thinking, and perhaps blank text."""
    TEXT = "text"
    TOOL_CALLS = "tool calls"
    """At least one whole tool call; text may stand around it."""
    STOPPED = "stopped"
    """A stop reason: nothing is missing but the end of the stream."""
    OPAQUE = "opaque"
    """What can't be asked for again: a server tool's run, half a tool call, a block of unknown type, too much."""


@dataclass(slots=True)
class DeliveredBlock:
    """One content block as far as the client has it."""

    index: int
    kind: str
    pieces: list[str] = field(default_factory=list)
    signature: str = ""
    closed: bool = False

    @property
    def text(self) -> str:
        """Its text, or its thinking."""
        return "".join(self.pieces)


class Delivered:
    """The blocks of one answer that a client has been sent."""

    __slots__ = ("_blocks", "_chars", "_lost", "_opaque", "_stopped", "_unread", "_unread_bytes")

    def __init__(self) -> None:
        self._unread: list[bytes] = []
        self._unread_bytes = 0
        self._blocks: list[DeliveredBlock] = []
        self._chars = 0
        self._opaque = False
        self._lost = False  # whether it is too long or unreadable, so that its blocks are not known
        self._stopped = False

    def add(self, block: bytes) -> None:
        """Take whole events that the client is being sent."""
        self._unread.append(block)
        self._unread_bytes += len(block)
        if self._unread_bytes > MAX_UNREAD_BYTES:
            self._read()

    @property
    def content(self) -> Content:
        blocks = self.blocks
        if self._stopped:
            return Content.STOPPED
        if self._opaque or (self.open_block and self.open_block.kind == "tool_use"):
            return Content.OPAQUE
        if any(block.kind == "tool_use" and block.closed for block in blocks):
            return Content.TOOL_CALLS
        if self.text.strip():
            return Content.TEXT
        return Content.THINKING if blocks else Content.NOTHING

    @property
    def blocks(self) -> list[DeliveredBlock]:
        """All of its blocks, in their order."""
        self._read()
        return self._blocks

    @property
    def text(self) -> str:
        """All of its text."""
        return "".join(block.text for block in self.blocks if block.kind == "text")

    @property
    def open_block(self) -> DeliveredBlock | None:
        """The block that has begun and not ended."""
        last = self.blocks[-1] if self.blocks else None
        return last if last and not last.closed else None

    @property
    def next_index(self) -> int:
        """The first index that no block has."""
        return max((block.index for block in self.blocks), default=-1) + 1

    def _read(self) -> None:
        unread, self._unread, self._unread_bytes = self._unread, [], 0
        if self._lost:
            return
        for piece, _ in sse.split(b"".join(unread)):
            if event := read_event(piece):
                self._take(event)
            else:
                self._lost = True
        for block in self._blocks[-1:]:
            block.pieces = [block.text]  # pieces of few characters take ten times their space
        if self._chars > MAX_CHARS:
            self._lost = True
        if self._lost:
            self._opaque, self._blocks = True, []

    def _take(self, event: ContentEvent) -> None:
        match event.type:
            case "content_block_start":
                self._begin(event)
            case "content_block_delta":
                self._extend(event)
            case "content_block_stop":
                if block := self._block(event.index):
                    block.closed = True
            case "message_delta":
                self._stopped = self._stopped or bool(event.delta and event.delta.stop_reason)
            case _:
                pass

    def _begin(self, event: ContentEvent) -> None:
        start = event.content_block or BlockPart()
        self._opaque = self._opaque or start.type not in (*_PLAIN, "tool_use")
        pieces = [piece for piece in (start.text, start.thinking) if piece]
        block = DeliveredBlock(event.index, start.type, pieces, start.signature or "")
        self._chars += len(block.text) + len(block.signature) + _BLOCK_CHARS
        self._blocks.append(block)

    def _extend(self, event: ContentEvent) -> None:
        block, delta = self._block(event.index), event.delta or BlockPart()
        if block is None or block.kind == "tool_use":
            return
        match delta.type:
            case "text_delta" | "thinking_delta":
                piece = delta.text or delta.thinking or ""
                block.pieces.append(piece)
                self._chars += len(piece)
            case "signature_delta":
                block.signature += delta.signature or ""
                self._chars += len(delta.signature or "")
            case _:
                self._opaque = True  # citations and the like belong to what was looked up, and can't be asked for again

    def _block(self, index: int) -> DeliveredBlock | None:
        last = self._blocks[-1] if self._blocks else None
        return last if last and last.index == index else None


class BlockPart(msgspec.Struct):
    """What is read of a content block's start, or of a delta."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None


class ContentEvent(msgspec.Struct):
    """What is read of an event of an answer."""

    type: str = ""
    index: int = -1
    content_block: BlockPart | None = None
    delta: BlockPart | None = None


_content_event = msgspec.json.Decoder(ContentEvent)


def read_event(piece: bytes) -> ContentEvent | None:
    """Return what is known of an event; an empty one for a comment, None if its data does not read as one."""
    event = sse.parse(piece)
    return read_data(event.data) if event else ContentEvent()


def read_data(data: bytes) -> ContentEvent | None:
    """Return what is known of an event with these data; None if they do not read as one."""
    return try_decode(_content_event, data)
