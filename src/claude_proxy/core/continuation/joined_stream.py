"""Turns the stream of a continuation into the rest of the answer that its client has a part of.

    whole events ──► JoinedStream.feed ──► the same as a client takes them behind what it has

A client gets one `message_start` only, no index twice, and numbers of tokens that add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from claude_proxy.core import sse
from claude_proxy.core.continuation.delivered import Delivered
from claude_proxy.core.continuation.seam import Joint, Seam, is_within_sentence
from claude_proxy.core.continuation.usage_of_parts import usage_of_parts
from claude_proxy.core.json_values import try_decode
from claude_proxy.core.types import Usage
from claude_proxy.core.usage import Tally

_THINKING: Final = frozenset({"thinking", "redacted_thinking"})

_event = msgspec.json.Decoder(dict[str, Any])


class JoinedStream:
    """The rest of one answer. `earlier` are the tokens of its earlier parts; `tally` counts those of this one."""

    def __init__(self, delivered: Delivered, earlier: Sequence[Usage], tally: Tally) -> None:
        text, before = delivered.text, delivered.open_block
        self._earlier = earlier
        self._tally = tally
        self._seam = Seam(text) if text.strip() else None  # until the joint is found
        self._next_index = delivered.next_index
        self._open_index = before.index if before else None  # of the client's block that nothing has ended yet
        self._sentence_is_open = before is not None and before.kind == "text" and is_within_sentence(text)
        self._indices: dict[object, int] = {}  # of this stream → the client's; a block that is left out has none
        self._at_seam: object = None  # the index of the text whose beginning is compared
        self._unbegun: tuple[object, str] | None = None  # a new text of which only white space has come
        self.has_content = False
        """Whether it brought anything that the client had not."""

    def feed(self, block: bytes) -> bytes:
        """Take whole events; return what goes to the client of them now."""
        pieces, start = list[bytes](), 0
        for piece, behind in sse.split(block):
            pieces.append(self._take(piece, block[start:behind]))
            start = behind
        return b"".join(pieces)

    def _take(self, piece: bytes, whole: bytes) -> bytes:
        read = sse.parse(piece)
        event = try_decode(_event, read.data) if read else None
        if read is None or event is None:
            return b"" if read else whole  # a comment
        index = event.get("index")
        match event.get("type"):
            case "message_start":
                self._tally.read(read.data)
                return b""
            case "content_block_start":
                return self._begin(index, event)
            case "content_block_delta":
                return self._extend(index, event)
            case "content_block_stop":
                return self._end(index)
            case "message_delta":
                self._tally.read(read.data)
                return self._finish(event)
            case _:
                return whole

    def _begin(self, index: object, event: dict[str, Any]) -> bytes:
        block = event.get("content_block")
        block = block if isinstance(block, dict) else {}
        kind = block.get("type")
        if kind == "text" and self._seam:
            self._at_seam = index
            return self._compare(str(block.get("text") or ""))
        if kind in _THINKING:
            if self._seam and self._sentence_is_open:
                return b""  # it would stand in the middle of a sentence
        else:
            self._seam = None  # a tool call: what text comes behind it is new
        self.has_content = True
        return self._close() + self._start(index, event)

    def _extend(self, index: object, event: dict[str, Any]) -> bytes:
        delta = event.get("delta")
        text = delta.get("text") if isinstance(delta, dict) else None
        if index == self._at_seam and self._seam:
            return self._compare(text if isinstance(text, str) else "")
        if self._unbegun and self._unbegun[0] == index:
            return self._begin_text(index, self._unbegun[1] + (text if isinstance(text, str) else ""))
        if index not in self._indices:
            return b""
        self.has_content = True
        return _encode(event | {"index": self._indices[index]})

    def _end(self, index: object) -> bytes:
        joined = self._join(self._seam.finish()) if self._seam and index == self._at_seam else b""
        if self._unbegun and self._unbegun[0] == index:
            self._unbegun = None
        mapped = self._indices.pop(index, None)
        return joined + (b"" if mapped is None else _stop(mapped))

    def _finish(self, event: dict[str, Any]) -> bytes:
        ended = b"".join(self._end(index) for index in (self._at_seam, *self._indices))
        told = event.get("usage")
        usage = usage_of_parts((*self._earlier, self._tally.usage))
        return ended + self._close() + _encode(event | {"usage": (told if isinstance(told, dict) else {}) | usage})

    def _compare(self, text: str) -> bytes:
        joint = self._seam.feed(text) if self._seam else None
        return self._join(joint) if joint else b""

    def _join(self, joint: Joint) -> bytes:
        index, self._seam, self._at_seam = self._at_seam, None, None
        if not (joint.same_block and self._sentence_is_open and self._open_index is not None):
            return self._begin_text(index, joint.text)
        self._indices[index], self._open_index = self._open_index, None
        return self._text(index, joint.text)

    def _begin_text(self, index: object, text: str) -> bytes:
        """Begin a new text, as soon as it holds more than white space: the API takes no blank ones."""
        if not text.strip():
            self._unbegun = (index, text)
            return b""
        self._unbegun = None
        start = {"type": "content_block_start", "content_block": {"type": "text", "text": ""}}
        return self._close() + self._start(index, start) + self._text(index, text)

    def _start(self, index: object, event: dict[str, Any]) -> bytes:
        self._indices[index] = mapped = self._next_index
        self._next_index += 1
        return _encode(event | {"index": mapped})

    def _text(self, index: object, text: str) -> bytes:
        if not text:
            return b""
        self.has_content = True
        delta = {"type": "text_delta", "text": text}
        return _encode({"type": "content_block_delta", "index": self._indices[index], "delta": delta})

    def _close(self) -> bytes:
        """End the block of the client that was open when the earlier part died, if nothing has."""
        index, self._open_index = self._open_index, None
        return b"" if index is None else _stop(index)


def end_with_tool_calls(delivered: Delivered, parts: Sequence[Usage]) -> bytes:
    """Return the end of an answer that has whole tool calls: the client runs them, and goes on from there."""
    return end_answer(delivered, parts, "tool_use")


def end_answer(delivered: Delivered, parts: Sequence[Usage], stop_reason: str) -> bytes:
    """Return the events that end an answer with what its client has of it, its open block included."""
    before = delivered.open_block
    delta = {"stop_reason": stop_reason, "stop_sequence": None}
    events: list[dict[str, Any]] = [
        {"type": "message_delta", "delta": delta, "usage": usage_of_parts(parts)},
        {"type": "message_stop"},
    ]
    return (b"" if before is None else _stop(before.index)) + b"".join(_encode(event) for event in events)


def _stop(index: int) -> bytes:
    return _encode({"type": "content_block_stop", "index": index})


def _encode(event: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (str(event["type"]).encode(), msgspec.json.encode(event))
