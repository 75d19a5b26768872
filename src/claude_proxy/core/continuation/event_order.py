"""Leaves out the events of a stream that no client can place: the end of a block that is not open, a second beginning.

Claude Code stops reading at such an event, and shows an error.
"""

from __future__ import annotations

from typing import Final

from claude_proxy.core import sse
from claude_proxy.core.answer_forms.stop_reasons import TOOL_USE
from claude_proxy.core.continuation.delivered import read_event

_EDGE: Final = b"content_block_st"
_START: Final = b"message_start"
"""Parts of the names of the events that are looked at; pieces of content are not."""

_BOTH: Final = b"_st"
"""What both hold, so that most blocks are searched once."""


class EventOrder:
    """What of one answer has begun and ended, as its client sees it."""

    __slots__ = ("_has_begun", "_open", "begins_call")

    def __init__(self) -> None:
        self.begins_call = False
        """A tool call begins in the newest events."""
        self._has_begun = False
        self._open: set[int] = set()

    def feed(self, block: bytes) -> bytes:
        """Take whole events; return them without those that are out of place."""
        self.begins_call = False
        if block.find(_BOTH) < 0 or (block.find(_EDGE) < 0 and block.find(_START) < 0):
            return block
        return sse.rewrite(block, self._in_place, _EDGE, _START)

    def _in_place(self, piece: bytes, whole: bytes) -> bytes:
        return whole if self._is_in_place(piece) else b""

    def _is_in_place(self, piece: bytes) -> bool:
        event = read_event(piece)
        match event.type if event else "":
            case "message_start":
                had_begun, self._has_begun = self._has_begun, True
                return not had_begun
            case "content_block_start" if event:
                self._open.add(event.index)
                self.begins_call = self.begins_call or (
                    event.content_block is not None and event.content_block.type == TOOL_USE
                )
            case "content_block_stop" if event:
                was_open = event.index in self._open
                self._open.discard(event.index)
                return was_open
            case _:
                pass
        return True
