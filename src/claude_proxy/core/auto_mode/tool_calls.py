"""Reads the tool calls out of an answer's events while they go to the client."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from claude_proxy.core import sse
from claude_proxy.core.json_values import try_decode

MAX_CALLS: Final = 64
"""Tool calls of one answer that are checked; real ones have up to about twenty."""

MAX_INPUT_CHARS: Final = 200_000
"""The longest input of a call that is kept for the check, in characters."""


@dataclass(slots=True)
class ToolCall:
    """One tool call, whole once its block has ended."""

    id: str
    name: str
    input: str = ""
    """JSON, as far as it is kept."""
    too_long: bool = False


class _Part(msgspec.Struct):
    type: str = ""
    id: str = ""
    name: str = ""
    input: msgspec.Raw = msgspec.Raw(b"{}")
    partial_json: str = ""


class _Event(msgspec.Struct):
    type: str = ""
    index: int = -1
    content_block: _Part | None = None
    delta: _Part | None = None


_event = msgspec.json.Decoder(_Event)


class ToolCalls:
    """The tool calls of one answer."""

    __slots__ = ("_open", "calls")

    def __init__(self) -> None:
        self._open: dict[int, ToolCall] = {}
        self.calls = list[ToolCall]()
        """In their order, with those that have not ended yet."""

    def read(self, block: bytes) -> None:
        """Take whole events."""
        if not self._open and b'"tool_use"' not in block:
            return
        for piece, _ in sse.split(block):
            read = sse.parse(piece)
            event = try_decode(_event, read.data) if read else None
            if event:
                self._take(event)

    def _take(self, event: _Event) -> None:
        if event.type == "content_block_start" and event.content_block and event.content_block.type == "tool_use":
            start = event.content_block
            given = bytes(start.input)
            call = ToolCall(start.id, start.name, "" if given == b"{}" else given.decode("utf-8", "replace"))
            self._open[event.index] = call
            self.calls.append(call)
        elif event.type == "content_block_delta" and event.delta and (call := self._open.get(event.index)):  # type: ignore[assignment]
            call.too_long = call.too_long or len(call.input) + len(event.delta.partial_json) > MAX_INPUT_CHARS
            if not call.too_long:
                call.input += event.delta.partial_json
        elif event.type == "content_block_stop":
            self._open.pop(event.index, None)
