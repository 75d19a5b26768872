"""Checks the events of a stream up to its first content: whether a client can read them.

    message_start ─► content_block_start ─► content_block_delta
              └────► message_delta

Pings and comments may stand anywhere, and events of types that are not known: clients skip both. What is checked is
what the official clients and Claude Code need: JSON of the type that the event's name says, in this order.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from claude_proxy.core.json_values import try_decode
from claude_proxy.core.sse import ServerSentEvent


class _Object(msgspec.Struct):
    """Any object."""


class _Typed(msgspec.Struct):
    type: str


class _MessageStart(msgspec.Struct, tag_field="type", tag="message_start"):
    message: _Object


class _BlockStart(msgspec.Struct, tag_field="type", tag="content_block_start"):
    index: int
    content_block: _Typed


class _BlockDelta(msgspec.Struct, tag_field="type", tag="content_block_delta"):
    index: int
    delta: _Typed


class _BlockStop(msgspec.Struct, tag_field="type", tag="content_block_stop"):
    pass


class _MessageDelta(msgspec.Struct, tag_field="type", tag="message_delta"):
    delta: _Object


class _MessageStop(msgspec.Struct, tag_field="type", tag="message_stop"):
    pass


_Event: TypeAlias = _MessageStart | _BlockStart | _BlockDelta | _BlockStop | _MessageDelta | _MessageStop

_KINDS: Final = frozenset(
    {
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    }
)

_event = msgspec.json.Decoder(_Event)


class _AnyEvent(msgspec.Struct):
    type: str = ""


_any_event = msgspec.json.Decoder(_AnyEvent)


class _Delta(msgspec.Struct):
    type: str = ""
    text: str = ""
    thinking: str = ""
    partial_json: str = ""
    signature: str = ""


class _DeltaEvent(msgspec.Struct):
    delta: _Delta


class _Block(msgspec.Struct):
    type: str = ""
    text: str = ""
    thinking: str = ""


class _BlockEvent(msgspec.Struct):
    content_block: _Block


_delta_event = msgspec.json.Decoder(_DeltaEvent)
_block_event = msgspec.json.Decoder(_BlockEvent)

_TEXTS: Final = frozenset({"text_delta", "thinking_delta", "input_json_delta", "signature_delta"})
_GROWING: Final = frozenset({"text", "thinking"})


def is_empty_delta(data: bytes) -> bool:
    """Whether a `content_block_delta` carries nothing. The first one of a tool call does not, and so some pings do."""
    event = try_decode(_delta_event, data)
    if event is None or event.delta.type not in _TEXTS:
        return False
    delta = event.delta
    return not (delta.text or delta.thinking or delta.partial_json or delta.signature)


def is_empty_block(data: bytes) -> bool:
    """Whether a `content_block_start` carries nothing yet, so that all of its content is still to come."""
    event = try_decode(_block_event, data)
    return (
        event is not None
        and event.content_block.type in _GROWING
        and not (event.content_block.text or event.content_block.thinking)
    )


class StreamStart:
    """What of a stream has begun."""

    __slots__ = ("_begun", "_blocks")

    def __init__(self) -> None:
        self._begun = False
        self._blocks: set[int] = set()

    def fault(self, event: ServerSentEvent) -> str:
        """Take the next event; return why no client can read it, or an empty text."""
        kind = event.kind
        if kind not in _KINDS:
            return "" if kind == "ping" or not event.name or _is_skipped(event) else "its name and its data differ"
        known = try_decode(_event, event.data)
        if known is None or known.__struct_config__.tag != kind:
            return f"{kind} is not what its name says"
        if isinstance(known, _MessageStart):
            self._begun = True
        if not self._begun:
            return f"{kind} came before message_start"
        if isinstance(known, _BlockStart):
            self._blocks.add(known.index)
        if isinstance(known, _BlockDelta) and known.index not in self._blocks:
            return f"{kind} came before its content_block_start"
        return ""


def _is_skipped(event: ServerSentEvent) -> bool:
    """Whether an event of an unknown type is one that clients skip: an object that claims to be nothing else."""
    read = try_decode(_any_event, event.data)
    return read is not None and read.type in ("", event.name)
