"""Turns the stream of a continuation into the rest of the answer that its client has a part of.

    whole events ──► JoinedStream.feed ──► the same as a client takes them behind what it has

A client gets one `message_start` only, no index twice, and numbers of tokens that add up.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from claude_proxy.core import sse
from claude_proxy.core.continuation.delivered import Delivered
from claude_proxy.core.continuation.seam import Joint, Seam, is_within_sentence
from claude_proxy.core.continuation.usage_of_parts import usage_of_parts
from claude_proxy.core.json_values import Members, read_members, replace_surrogates, text_of, try_decode
from claude_proxy.core.messages import MESSAGE_STOP
from claude_proxy.core.types import Usage
from claude_proxy.core.usage import Tally

_THINKING: Final = frozenset({"thinking", "redacted_thinking"})

MAX_BLANKS: Final = 4_096
"""White space that is kept for the beginning of a text, in characters."""

_index = msgspec.json.Decoder(int)
_usage = msgspec.json.Decoder(dict[str, Any])


class JoinedStream:
    """The rest of one answer. `earlier` are the tokens of its earlier parts; `tally` counts those of this one."""

    def __init__(self, delivered: Delivered, earlier: Sequence[Usage], tally: Tally) -> None:
        text, before = delivered.text, delivered.open_block
        self._earlier = earlier
        self._tally = tally
        self._next_index = delivered.next_index
        self._open_index = before.index if before else None  # of the client's block that nothing has ended yet
        self._sentence_is_open = before is not None and before.kind == "text" and is_within_sentence(text)
        self._seam = Seam(text, asked=self._sentence_is_open) if text.strip() else None  # until the joint is found
        self._indices: dict[int, int] = {}  # of this stream → the client's; a block that is left out has none
        self._at_seam: int | None = None  # the index of the text whose beginning is compared
        self._unbegun: tuple[int, str] | None = None  # a new text of which only white space has come
        self._has_text = False
        self.has_content = False
        """Whether it brought anything that the client had not."""
        self.broken = False
        """It has ended without a word, although the client has half a sentence: that is no end of an answer."""

    def feed(self, block: bytes) -> bytes:
        """Take whole events; return what goes to the client of them now."""
        return sse.rewrite(block, self._take)

    def _take(self, piece: bytes, whole: bytes) -> bytes:
        if self.broken:
            return b""
        read = sse.parse(piece)
        event = read_members(read.data) if read else None
        if read is None or event is None:
            return b"" if read else whole  # a comment
        match text_of(event, "type"):
            case "message_start":
                self._tally.read(read.data)
                return b""
            case "content_block_start" | "content_block_delta" | "content_block_stop" as kind:
                index = try_decode(_index, event.get("index", b""))
                return b"" if index is None else self._take_content(kind, index, _unchanged(event, read.data))
            case "message_delta":
                self._tally.read(read.data)
                return self._finish(event)
            case _:
                return whole

    def _take_content(self, kind: str, index: int, event: Members) -> bytes:
        match kind:
            case "content_block_start":
                return self._begin(index, event)
            case "content_block_delta":
                return self._extend(index, event)
            case _:
                return self._end(index)

    def _begin(self, index: int, event: Members) -> bytes:
        block = read_members(event.get("content_block", b"")) or {}
        kind = text_of(block, "type")
        if kind == "text" and self._seam:
            self._at_seam = index
            return self._compare(index, text_of(block, "text"))
        if kind in _THINKING:
            if self._seam and self._sentence_is_open:
                return b""  # it would stand in the middle of a sentence
        else:
            self._seam = None  # a tool call: what text comes behind it is new
        self.has_content = True
        return self._close() + self._start(index, event)

    def _extend(self, index: int, event: Members) -> bytes:
        if index == self._at_seam and self._seam:
            return self._compare(index, _text_of_delta(event))
        if self._unbegun and self._unbegun[0] == index:
            return self._begin_text(index, self._unbegun[1] + _text_of_delta(event))
        if index not in self._indices:
            return b""
        self.has_content = True
        return _written("content_block_delta", {**event, "index": self._indices[index]})

    def _end(self, index: int) -> bytes:
        joined = self._join(index, self._seam.finish()) if self._seam and index == self._at_seam else b""
        if self._unbegun and self._unbegun[0] == index:
            self._unbegun = None
        mapped = self._indices.pop(index, None)
        return joined + (b"" if mapped is None else _stop(mapped))

    def _finish(self, event: Members) -> bytes:
        unended = (() if self._at_seam is None else (self._at_seam,)) + tuple(self._indices)
        stop_reason = text_of(read_members(event.get("delta", b"")) or {}, "stop_reason")
        if not stop_reason and (unended or self._open_index is not None):
            return b""  # it tells of tokens only, which count at the end
        if self._sentence_is_open and stop_reason == "end_turn" and not (self.has_content or self._has_text):
            self.broken = True
            return b""
        ended = b"".join(map(self._end, unended)) + self._close()
        told = try_decode(_usage, event.get("usage", b"")) or {}
        usage = usage_of_parts((*self._earlier, self._tally.usage))
        return ended + _written("message_delta", {**event, "usage": told | usage})

    def _compare(self, index: int, text: str) -> bytes:
        self._has_text = self._has_text or bool(text.strip())
        joint = self._seam.feed(text) if self._seam else None
        return self._join(index, joint) if joint else b""

    def _join(self, index: int, joint: Joint) -> bytes:
        self._seam = self._at_seam = None
        if not (joint.same_block and self._sentence_is_open and self._open_index is not None):
            return self._begin_text(index, joint.text)
        self._indices[index], self._open_index = self._open_index, None
        return self._text(index, joint.text)

    def _begin_text(self, index: int, text: str) -> bytes:
        """Begin a new text, as soon as it holds more than white space: the API takes no blank ones."""
        if not text.strip():
            self._unbegun = (index, text[:MAX_BLANKS])
            return b""
        self._unbegun = None
        start = {"type": "content_block_start", "content_block": {"type": "text", "text": ""}}
        return self._close() + self._start(index, start) + self._text(index, text)

    def _start(self, index: int, event: Mapping[str, object]) -> bytes:
        self._indices[index] = mapped = self._next_index
        self._next_index += 1
        return _written("content_block_start", {**event, "index": mapped})

    def _text(self, index: int, text: str) -> bytes:
        if not text:
            return b""
        self.has_content = True
        delta = {"type": "text_delta", "text": text}
        mapped = self._indices[index]
        return _written("content_block_delta", {"type": "content_block_delta", "index": mapped, "delta": delta})

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
    end = _written("message_delta", {"type": "message_delta", "delta": delta, "usage": usage_of_parts(parts)})
    return (b"" if before is None else _stop(before.index)) + end + MESSAGE_STOP


def _unchanged(event: Members, data: bytes) -> Members:
    """Return an event with the halves of characters that it holds: the client may get the other half next."""
    if replace_surrogates(data) is None:
        return event
    return {name: msgspec.Raw(json.dumps(value).encode()) for name, value in json.loads(data).items()}


def _text_of_delta(event: Members) -> str:
    return text_of(read_members(event.get("delta", b"")) or {}, "text")


def _stop(index: int) -> bytes:
    return _written("content_block_stop", {"type": "content_block_stop", "index": index})


def _written(kind: str, event: Mapping[str, object]) -> bytes:
    return sse.written(kind, msgspec.json.encode(event))
