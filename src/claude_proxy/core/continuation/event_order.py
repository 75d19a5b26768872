"""Knows the events of a stream that no client can place: the end of a block that is not open, a second beginning.

Claude Code stops reading at such an event, and shows an error.
"""

from __future__ import annotations

from typing import Final

from claude_proxy.core.answer_forms.stop_reasons import TOOL_USE
from claude_proxy.core.continuation.delivered import read_data

_EDGE: Final = b"_st"
"""Part of the types of the events that are looked at; pieces of content are not."""


class EventOrder:
    """What of one stream has begun and ended."""

    __slots__ = ("_has_begun", "_open", "begins_call")

    def __init__(self) -> None:
        self._has_begun = False
        self._open: set[int] = set()
        self.begins_call = False
        """Whether a tool call has begun since this was set to false."""

    def is_in_place(self, data: bytes) -> bool:
        """Take the data of the next event; return whether a client can place it."""
        event = read_data(data) if data.find(_EDGE) >= 0 else None
        match event.type if event else "":
            case "message_start":
                had_begun, self._has_begun = self._has_begun, True
                return not had_begun
            case "content_block_start" if event:
                self._open.add(event.index)
                if event.content_block and event.content_block.type == TOOL_USE:
                    self.begins_call = True
            case "content_block_stop" if event:
                was_open = event.index in self._open
                self._open.discard(event.index)
                return was_open
            case _:
                pass
        return True
