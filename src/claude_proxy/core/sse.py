"""Server-sent events: bytes that arrive cut anywhere, passed on in whole events.

    bytes ──► SSEDecoder.feed ──► a block of whole events, byte for byte
                                     ├──► split, places ──► parse ──► ServerSentEvent
                                     └──► rewrite ──► a block with other events in place of some

The block is what goes to the client; the events are only looked at. Source: WHATWG HTML, "Server-sent events".

Bytes are looked for with `find`: for `in`, Python 3.11 makes an exception and drops it each time, which takes longer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from claude_proxy.core.json_values import is_dense, try_decode
from claude_proxy.core.memory_budget import NOT_COUNTED, MemoryBudget, MemoryShare

MAX_EVENT_BYTES: Final = 4 * 1024 * 1024
"""The largest event that is waited for: twice the largest known, 2,007,317 bytes, the result of a tool that read an
image (github.com/anomalyco/opencode/issues/36343). Signatures and redacted thinking stay far below it: the thinking
that one answer may hold, 128,000 tokens, takes about 1 MiB."""

MAX_LINES: Final = 4096
"""Lines of one event that are read; real ones have two."""

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
"""May stand in front of a stream, and says nothing."""

_DEFAULT_NAME: Final = b"message"
"""What the standard calls an event without a name; the API calls none of its events so."""

_NAMES: Final = {
    name.encode(): name
    for name in (
        "message_start",
        "content_block_start",
        "ping",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    )
}
"""The API's own, which need not be decoded each time."""

_BLANK_LINE: Final = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n?|\n)")
_BLANK_LINES: Final = (b"\n\n", b"\n\r", b"\r\r")
"""Two line ends in a row begin with one of these, whatever ends the lines."""
_LINE_END: Final = re.compile(rb"[\r\n]")


class EventTooLargeError(Exception):
    """The stream holds an event over `MAX_EVENT_BYTES`, or one of more values than are read at once."""


class ServerSentEvent(msgspec.Struct, frozen=True, gc=False):
    """One event: its name (empty if the stream gave none, or `message`, which says the same) and its data lines."""

    name: str
    data: bytes

    @property
    def kind(self) -> str:
        """What the event is: its name, or the `type` in its data if a provider sends no `event:` line."""
        return self.name or _type_of(self.data)


class SSEDecoder:
    """Cuts a stream behind its last whole event and keeps the rest for the next call.

    What it keeps is counted in `memory`, and so is what it returned last, until the next call.
    """

    __slots__ = ("_memory", "_rest", "_scanned")

    def __init__(self, memory: MemoryShare | None = None) -> None:
        self._memory = memory or MemoryBudget().share()
        self._rest = bytearray()
        self._scanned = 0

    def feed(self, data: bytes) -> bytes:
        """Take what has come; return the whole events that are complete now, `b""` if none is.

        Raises `EventTooLargeError`, and `OverBudgetError`.
        """
        if not self._rest and data.endswith(b"\n\n"):
            if len(data) > NOT_COUNTED or self._memory.size:
                self._memory.hold(len(data))
            return data
        self._memory.hold(len(self._rest) + len(data))
        self._rest += data
        cut = self._last_event_end()
        if cut == 0:
            self._scanned = len(self._rest)
            if self._scanned > MAX_EVENT_BYTES:
                raise EventTooLargeError
            return b""
        block = bytes(self._rest[:cut])
        if is_dense(block):
            raise EventTooLargeError
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
        last = max(self._rest.rfind(blank_line, start) for blank_line in _BLANK_LINES) + 2
        if last < 2:
            return 0
        return last + (self._rest[last - 1 : last + 1] == b"\r\n")


def split(block: bytes, start: int = 0) -> Iterator[tuple[bytes, int]]:
    """Yield the events of a block unread, each without its blank line, and where the next one begins.

    The first one is that which begins at `start`.
    """
    if block.find(b"\r") >= 0:
        for blank_line in _BLANK_LINE.finditer(block, start):
            yield block[start : blank_line.start()], blank_line.end()
            start = blank_line.end()
    else:
        while (end := block.find(b"\n\n", start)) >= 0:
            yield block[start:end], end + 2
            start = end + 2


def places(block: bytes, *words: bytes, start: int = 0) -> list[tuple[bytes, int, int]]:
    """Return the events of a block from `start` on that hold one of the words, or all if none is given.

    Each comes unread and without its blank line, with where it begins and where the next one does. Nothing is cut out
    of most blocks if there are words.
    """
    if words and block.find(b"\r") < 0:
        return [(block[begin:end], begin, end + 2) for begin, end in _spans(block, words, start)]
    found: list[tuple[bytes, int, int]] = []
    for piece, behind in split(block, start):
        if not words or any(word in piece for word in words):
            found.append((piece, start, behind))
        start = behind
    return found


def rewrite(block: bytes, change: Callable[[bytes, bytes], bytes], *words: bytes) -> bytes:
    """Return a block with other events in place of those that hold one of the words, or of all if none is given.

    `change` gets an event without its blank line, and with it, and returns what takes its place. All else stays byte
    for byte.
    """
    pieces: list[bytes] = []
    kept = 0
    for piece, start, behind in places(block, *words):
        pieces += (block[kept:start], change(piece, block[start:behind]))
        kept = behind
    return b"".join((*pieces, block[kept:])) if pieces else block


def _spans(block: bytes, words: tuple[bytes, ...], start: int) -> list[tuple[int, int]]:
    """Return where the events begin and end that hold one of the words, in a block whose lines end in LF."""
    ends: dict[int, int] = {}  # by where an event begins
    for word in words:
        position = block.find(word, start)
        while position >= 0:
            end = block.find(b"\n\n", position)
            before = block.rfind(b"\n\n", start, position)
            ends[before + 2 if before >= 0 else start] = end
            position = block.find(word, end)
    return sorted(ends.items()) if ends else []


def parse(piece: bytes) -> ServerSentEvent | None:
    """Read one event; None if it has no data (a comment, an empty piece).

    Unknown fields are ignored. Of what comes after `MAX_LINES`, only the name is read: it may be the stream's end.
    """
    data: list[bytes] = []
    name, rest = "", b""
    lines = piece.split(b"\n", MAX_LINES) if piece.find(b"\r") < 0 else _LINE_END.split(piece, MAX_LINES)
    if len(lines) == 2 and lines[0][:7] == b"event: " and lines[1][:6] == b"data: ":  # as nearly all are written
        name_line = lines[0][7:]
        return ServerSentEvent(_NAMES.get(name_line) or _read_name(name_line), lines[1][6:])
    if len(lines) > MAX_LINES:
        rest = lines.pop()
    for line in lines:
        if line.startswith(b"data:"):  # a line may be megabytes long: it is copied once
            data.append(line[6:] if line[5:6] == b" " else line[5:])
        elif line.startswith(b"event:"):
            name = _read_name(line[6:].removeprefix(b" "))
        elif line == b"data":
            data.append(b"")
        elif line == b"event":
            name = ""
    if rest and (last := _last_name(rest)) is not None:
        return ServerSentEvent(last, b"\n".join(data))
    if not data:
        return None
    return ServerSentEvent(name, b"\n".join(data))


def _read_name(name: bytes) -> str:
    """Return an event's name; an empty text for the one that says nothing."""
    return "" if name == _DEFAULT_NAME else name.decode("utf-8", "replace")


def written(name: str, data: bytes) -> bytes:
    """Return JSON as one event, maybe without a name; line ends inside it become spaces, which JSON allows."""
    head = b"event: %b\n" % name.encode() if name else b""
    return b"%bdata: %b\n\n" % (head, data.replace(b"\r", b" ").replace(b"\n", b" "))


def _last_name(lines: bytes) -> str | None:
    """Return the name in the last of many lines that has one; None if none has."""
    lines = b"\n" + lines
    start = max(lines.rfind(end + b"event:") for end in (b"\n", b"\r"))
    if start < 0:
        return None
    return _LINE_END.split(lines[start + 7 :], 1)[0].removeprefix(b" ").decode("utf-8", "replace")


class _Typed(msgspec.Struct):
    type: str = ""


_typed = msgspec.json.Decoder(_Typed)


def _type_of(data: bytes) -> str:
    typed = try_decode(_typed, data) if data.find(b'"type"') >= 0 else None
    return typed.type if typed else ""
