"""Reads the tool calls out of an answer's events while they go to the client.

A call is checked as the client runs it, or not at all: what of a call can't be read here, or could be read in another
way there, makes the calls of the answer `unclear`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from claude_proxy.core import sse
from claude_proxy.core.json_values import try_decode

MAX_CALLS: Final = 64
"""Tool calls of one answer that are checked; real ones have up to about twenty."""

MAX_KEPT_CALLS: Final = 10 * MAX_CALLS

MAX_NAME_CHARS: Final = 1_000
"""The longest id and name of a call, together; real ones have about 50 characters."""

MAX_INPUT_CHARS: Final = 200_000
"""The longest input of a call that is kept for the check, in characters."""

ESCAPED_LETTER: Final = b"\\u00"
"""How a letter begins that JSON holds as an escape: a word may be there that bytes don't show."""


@dataclass(slots=True)
class ToolCall:
    """One tool call, whole once its block has ended."""

    id: str
    name: str
    input: str = ""
    """JSON, as far as it is kept."""
    too_long: bool = False


_NOTHING: Final = msgspec.Raw(b"{}")


class _Event(msgspec.Struct):
    type: str = ""
    index: int = -1
    content_block: msgspec.Raw = _NOTHING
    delta: msgspec.Raw = _NOTHING


class _Kind(msgspec.Struct):
    type: str = ""


class _Start(msgspec.Struct):
    id: str
    name: str
    input: msgspec.Raw = _NOTHING


class _Delta(msgspec.Struct):
    partial_json: str | None = None


_event = msgspec.json.Decoder(_Event)
_kind = msgspec.json.Decoder(_Kind)
_start = msgspec.json.Decoder(_Start)
_delta = msgspec.json.Decoder(_Delta)


class ToolCalls:
    """The tool calls of one answer."""

    __slots__ = ("_ended", "_ids", "_open", "_unclear", "calls")

    def __init__(self) -> None:
        self._open: dict[int, ToolCall] = {}
        self._ended = set[int]()
        self._ids = set[str]()
        self._unclear = False
        self.calls = list[ToolCall]()
        """In their order, with those that have not ended yet."""

    @property
    def unclear(self) -> bool:
        """Whether the client may run something else than what was read: no call can be judged then."""
        return self._unclear or bool(self._open)

    def read(self, block: bytes) -> None:
        """Take whole events."""
        if not self._ids and b'"tool_use"' not in block and ESCAPED_LETTER not in block:
            return
        for piece, _ in sse.split(block):
            read = sse.parse(piece)
            if read is None or read.name == "ping":
                continue
            event = try_decode(_event, read.data)
            if event is None:
                self._unclear = True
            else:
                self._take(event)

    def _take(self, event: _Event) -> None:
        match event.type:
            case "content_block_start":
                kind = try_decode(_kind, event.content_block)
                self._unclear = self._unclear or kind is None
                self._ended.discard(event.index)
                if kind and kind.type == "tool_use":
                    self._begin(event)
            case "content_block_delta" if event.index in self._ended:
                self._unclear = True
            case "content_block_delta" if call := self._open.get(event.index):
                self._extend(call, try_decode(_delta, event.delta))
            case "content_block_stop" if self._open.pop(event.index, None):
                self._ended.add(event.index)
            case _:
                pass

    def _begin(self, event: _Event) -> None:
        start = try_decode(_start, event.content_block)
        if start is None or start.id in self._ids or len(start.id) + len(start.name) > MAX_NAME_CHARS:
            self._unclear = True  # verdicts go by the id
            return
        if len(self.calls) >= MAX_KEPT_CALLS or event.index in self._open:
            self._unclear = True
            return
        given = bytes(start.input)
        kept = given != b"{}" and len(given) <= MAX_INPUT_CHARS
        call = ToolCall(start.id, start.name, given.decode("utf-8", "replace") if kept else "")
        call.too_long = len(given) > MAX_INPUT_CHARS
        self._open[event.index] = call
        self._ids.add(start.id)
        self.calls.append(call)

    def _extend(self, call: ToolCall, delta: _Delta | None) -> None:
        if delta is None:
            self._unclear = True
            return
        piece = delta.partial_json or ""
        call.too_long = call.too_long or len(call.input) + len(piece) > MAX_INPUT_CHARS
        if not call.too_long:
            call.input += piece


def without_content(block: bytes) -> bytes:
    """Return whole events without those of content: behind the verdicts, nothing may come that they could be for."""
    return sse.rewrite(block, _if_no_content)


def _if_no_content(piece: bytes, whole: bytes) -> bytes:
    read = sse.parse(piece)
    event = try_decode(_event, read.data) if read else _Event()
    return whole if event and not event.type.startswith("content_block") else b""
