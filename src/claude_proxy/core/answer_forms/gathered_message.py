"""The events of an answer, gathered into the one message that a client gets which did not ask for a stream.

    whole events ──► GatheredMessage.feed … ──► .body()

As the official clients accumulate them. What can't be put together is said, and not guessed: a delta of unknown type,
the input of a tool that is not JSON.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import msgspec

from claude_proxy.core import sse
from claude_proxy.core.answer_forms.stop_reasons import api_reason
from claude_proxy.core.json_values import Members, as_raw, is_json, read_members, read_text, text_of, try_decode

_NULL: Final = b"null"
_CUT_BY_MODEL: Final = frozenset({"max_tokens", "model_context_window_exceeded", "refusal", "pause_turn"})
"""Stop reasons with which the input of a tool may be cut off."""

_TEXTS: Final = MappingProxyType(
    {
        "text_delta": "text",
        "thinking_delta": "thinking",
        "signature_delta": "signature",
        "compaction_delta": "content",
    }
)
"""The member of a block that a delta adds text to; the delta names it alike."""


class _Event(msgspec.Struct):
    index: int = -1
    message: Members | None = None
    content_block: Members | None = None
    delta: Members | None = None
    usage: Members | None = None
    context_management: msgspec.Raw = msgspec.Raw(b"")


_event = msgspec.json.Decoder(_Event)


@dataclass(slots=True)
class _Block:
    start: Members
    texts: dict[str, list[bytes]] = field(default_factory=dict)  # inside the quotes, by member
    citations: list[msgspec.Raw] = field(default_factory=list)
    input: list[bytes] = field(default_factory=list)  # inside the quotes


class GatheredMessage:
    """One message that grows by its events."""

    __slots__ = ("_blocks", "_message", "_usage", "fault", "size")

    def __init__(self) -> None:
        self._message: Members = {}
        self._usage: Members = {}
        self._blocks: dict[int, _Block] = {}
        self.size = 0
        """Bytes of the events so far."""
        self.fault = ""
        """Why they make no message."""

    def feed(self, block: bytes) -> None:
        """Take whole events, which the judge of their stream has seen."""
        self.size += len(block)
        for piece, _ in sse.split(block):
            event = sse.parse(piece)
            take = _TAKEN.get(event.kind) if event and not self.fault else None
            if event is None or take is None:
                continue
            if known := try_decode(_event, event.data):
                take(self, known)
            else:
                self.fault = f"{event.kind} can't be read"

    def body(self) -> bytes | None:
        """Return the message as JSON; None if the events make none, for the reason in `fault`."""
        reason = api_reason(text_of(self._message, "stop_reason"))
        if reason:
            self._message["stop_reason"] = as_raw(reason)
        content = [self._whole(self._blocks[index], reason) for index in sorted(self._blocks)]
        if self.fault:
            return None
        usage = {"usage": self._usage} if self._usage else {}
        return msgspec.json.encode({**self._message, "content": content, **usage})

    def _begin(self, event: _Event) -> None:
        self._message = event.message or {}
        self._usage = (read_members(self._message["usage"]) if "usage" in self._message else None) or {}

    def _begin_block(self, event: _Event) -> None:
        self._blocks[event.index] = _Block(event.content_block or {})

    def _extend(self, event: _Event) -> None:
        delta, block = event.delta or {}, self._blocks.get(event.index)
        kind = text_of(delta, "type")
        if block is None:
            self.fault = f"a {kind} belongs to no block"
        elif kind in _TEXTS:
            block.texts.setdefault(_TEXTS[kind], []).append(_inside(delta, _TEXTS[kind]))
        elif kind == "input_json_delta":
            block.input.append(_inside(delta, "partial_json"))
        elif kind == "citations_delta" and "citation" in delta:
            block.citations.append(delta["citation"])
        else:
            self.fault = f"a delta of the type {kind[:80]} is not known"

    def _finish(self, event: _Event) -> None:
        self._message |= event.delta or {}
        self._usage |= {name: raw for name, raw in (event.usage or {}).items() if bytes(raw) != _NULL}
        if event.context_management:
            self._message["context_management"] = event.context_management

    def _whole(self, block: _Block, stop_reason: str) -> Members:
        members = dict(block.start)
        for name, pieces in block.texts.items():
            members[name] = msgspec.Raw(b'"%b%b"' % (_inside(block.start, name), b"".join(pieces)))
        if block.citations:
            members["citations"] = as_raw(block.citations)
        text = (read_text(b'"%b"' % b"".join(block.input)) or "").strip().encode()
        if text and is_json(text):
            members["input"] = msgspec.Raw(text)
        elif text and stop_reason not in _CUT_BY_MODEL:
            self.fault = "the input of a tool is not JSON"
        return members


def _inside(members: Members, name: str) -> bytes:
    """Return what stands between the quotes of a text, as it is written; nothing if it is no text."""
    written = bytes(members.get(name, b"")).strip()
    return written[1:-1] if written.startswith(b'"') else b""


_TAKEN: Final[MappingProxyType[str, Callable[[GatheredMessage, _Event], None]]] = MappingProxyType(
    {
        "message_start": GatheredMessage._begin,  # noqa: SLF001 - its own
        "content_block_start": GatheredMessage._begin_block,  # noqa: SLF001
        "content_block_delta": GatheredMessage._extend,  # noqa: SLF001
        "message_delta": GatheredMessage._finish,  # noqa: SLF001
    }
)
