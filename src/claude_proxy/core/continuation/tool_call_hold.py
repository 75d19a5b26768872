"""Holds a tool call until it is whole, so that a client has all of a call or nothing of it.

    whole events ──► ToolCallHold.feed ──► the same events, those of a tool call only once it is complete

Claude Code runs a call only when it is whole, so that nothing is lost by holding it. What comes behind a call that is
held waits with it: the order stays. The input of a call must be JSON; else it is as good as cut off.
"""

from __future__ import annotations

from typing import Final

import msgspec

from claude_proxy.core import sse
from claude_proxy.core.continuation.delivered import ContentEvent, read_event
from claude_proxy.core.json_values import try_decode
from claude_proxy.core.sse import MAX_EVENT_BYTES

MAX_HELD_BYTES: Final = MAX_EVENT_BYTES
"""The longest tool call that is held, with the framing of its events. A longer one is passed on as it comes."""

_EDGE: Final = b"content_block_st"
"""Part of the name of the events that begin and end a block: of most bytes nothing else is looked at."""

_TOOL_USE: Final = b"tool_use"
_input = msgspec.json.Decoder(dict[str, msgspec.Raw])


_CUT_BY_MODEL: Final = frozenset({"max_tokens", "model_context_window_exceeded", "refusal", "pause_turn"})
"""Stop reasons with which an unfinished call is what the model wrote, and goes to the client as it is."""


class ToolCallHold:
    """Holds the tool calls of one answer, one at a time."""

    __slots__ = ("_has_ended", "_held", "_held_bytes", "_index", "_input", "_off", "broken")

    def __init__(self) -> None:
        self._index = -1  # of the call that is held
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._input: list[str] = []
        self._has_ended = False  # the call that is held
        self._off = False
        self.broken = False
        """A call has ended whose input is not JSON: it is dropped, and what came behind it."""

    @property
    def holding(self) -> bool:
        """Whether a call has begun that is not whole."""
        return self._index >= 0

    @property
    def held_bytes(self) -> int:
        """The size of what is held."""
        return self._held_bytes

    def feed(self, block: bytes) -> bytes:
        """Take whole events; return those that go on now."""
        if self._index < 0 and (block.find(_TOOL_USE) < 0 or block.find(_EDGE) < 0 or self._off):
            return block
        return sse.rewrite(block, self._take)

    def _take(self, piece: bytes, whole: bytes) -> bytes:
        """Take one event; return what goes on now."""
        if self.broken:
            return b""
        if self._index < 0 and piece.find(_EDGE) < 0:
            return whole
        event = read_event(piece) or ContentEvent()
        if self._index < 0:
            start = event.content_block if event.type == "content_block_start" and not self._off else None
            if start is None or start.type != "tool_use":
                return whole
            self._index, self._held, self._held_bytes = event.index, [whole], len(whole)
            self._has_ended = False
            return b""
        if event.type == "ping":
            return whole
        self._held.append(whole)
        self._held_bytes += len(whole)
        return self._release() if self._is_over(event) or self._is_too_long() else b""

    def _is_over(self, event: ContentEvent) -> bool:
        """Take an event in; return whether the call is over, and goes on."""
        match event.type:
            case "content_block_delta" if event.index == self._index and event.delta:
                self._input.append(event.delta.partial_json or "")
            case "content_block_stop" if event.index == self._index:
                self._has_ended = True
                return self._is_valid()  # else the stop reason decides
            case "message_delta" if self._has_ended or (event.delta and event.delta.stop_reason):
                stop_reason = event.delta.stop_reason if event.delta else None
                self.broken = stop_reason not in _CUT_BY_MODEL and not self._is_valid()
                return not self.broken
            case "content_block_start" | "message_stop":
                self.broken = True
            case _:
                pass
        return False

    def _is_valid(self) -> bool:
        text = "".join(self._input)
        return not text or try_decode(_input, text.encode("utf-8", "surrogatepass")) is not None

    def _is_too_long(self) -> bool:
        self._off = self._off or self._held_bytes > MAX_HELD_BYTES
        return self._off  # no real tool takes as much: it is not worth an error

    def _release(self) -> bytes:
        released = b"".join(self._held)
        self._index, self._held, self._held_bytes, self._input = -1, [], 0, []
        return released
