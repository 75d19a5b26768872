"""Server-sent events: bytes that arrive cut anywhere, passed on in whole events.

    bytes ──► SSEDecoder.feed ──► a block of whole events, byte for byte
                                     └──► split, events_with ──► parse ──► ServerSentEvent

The block is what goes to the client; the events are only looked at. Source: WHATWG HTML, "Server-sent events".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from claude_proxy.core.json_values import try_decode

MAX_EVENT_BYTES: Final = 8 * 1024 * 1024
"""The largest event that is waited for. The largest real ones (a whole tool result in one block) stay below 1 MiB."""

_BLANK_LINE: Final = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n?|\n)")
_LINE_END: Final = re.compile(rb"[\r\n]")


class EventTooLargeError(Exception):
    """The stream holds an event over `MAX_EVENT_BYTES`."""


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event: its name (empty if the stream gave none) and its data lines, joined."""

    name: str
    data: bytes

    @property
    def kind(self) -> str:
        """What the event is: its name, or the `type` in its data if a provider sends no `event:` line."""
        return self.name or _type_of(self.data)


class SSEDecoder:
    """Cuts a stream behind its last whole event and keeps the rest for the next call."""

    __slots__ = ("_rest", "_scanned")

    def __init__(self) -> None:
        self._rest = bytearray()
        self._scanned = 0

    def feed(self, data: bytes) -> bytes:
        """Take what has come; return the whole events that are complete now, `b""` if none is.

        Raises `EventTooLargeError`.
        """
        if not self._rest and data.endswith(b"\n\n"):
            return data
        self._rest += data
        cut = self._last_event_end()
        if cut == 0:
            self._scanned = len(self._rest)
            if self._scanned > MAX_EVENT_BYTES:
                raise EventTooLargeError
            return b""
        block = bytes(self._rest[:cut])
        del self._rest[:cut]
        self._scanned = len(self._rest)
        return block

    @property
    def rest(self) -> bytes:
        """What has come behind the last whole event."""
        return bytes(self._rest)

    def _last_event_end(self) -> int:
        start = max(0, self._scanned - 3)  # a blank line may have begun in what was scanned before
        newest = self._rest.rfind(b"\n\n", start) + 2
        if self._rest.find(b"\r", start) < 0:
            return newest if newest > 1 else 0
        last = 0
        for match in _BLANK_LINE.finditer(self._rest, start):
            last = match.end()
        return last


def split(block: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield the events of a block unread, each without its blank line, and where the next one begins."""
    start = 0
    if b"\r" in block:
        for blank_line in _BLANK_LINE.finditer(block):
            yield block[start : blank_line.start()], blank_line.end()
            start = blank_line.end()
    else:
        while (end := block.find(b"\n\n", start)) >= 0:
            yield block[start:end], end + 2
            start = end + 2


def events_with(block: bytes, words: tuple[bytes, ...]) -> list[bytes]:
    """Return the events of a block, unread, that hold one of the words; of most blocks nothing is cut out for it."""
    ends: dict[int, int] = {}  # by where an event begins
    for word in words:
        position = block.find(word)
        while position >= 0:
            end = block.find(b"\n\n", position)
            ends[block.rfind(b"\n\n", 0, position) + 1] = end
            position = block.find(word, end)
    if not ends:
        return []
    if b"\r" in block:  # other line ends than those looked for
        return [piece for piece in _BLANK_LINE.split(block) if any(word in piece for word in words)]
    return [block[start:end] for start, end in sorted(ends.items())]


def parse(piece: bytes) -> ServerSentEvent | None:
    """Read one event; None if it has no data (a comment, an empty piece). Unknown fields are ignored."""
    name, data = "", list[bytes]()
    for line in _LINE_END.split(piece) if b"\r" in piece else piece.split(b"\n"):
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
        elif field == b"event":
            name = value.removeprefix(b" ").decode("utf-8", "replace")
    return ServerSentEvent(name, b"\n".join(data)) if data else None


class _Typed(msgspec.Struct):
    type: str = ""


_typed = msgspec.json.Decoder(_Typed)


def _type_of(data: bytes) -> str:
    typed = try_decode(_typed, data)
    return typed.type if typed else ""
