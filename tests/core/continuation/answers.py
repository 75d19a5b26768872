"""Answers as models write them, cut and gone on with: shared by the tests of continuation."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.builders import events


def event(kind: str, **members: Any) -> bytes:
    """Return one event as the API sends it."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n".encode()


def message_start(tokens: int = 10) -> bytes:
    usage = {"input_tokens": tokens, "output_tokens": 1}
    return event("message_start", message={"id": "msg_1", "role": "assistant", "content": [], "usage": usage})


def message_end(stop_reason: str = "end_turn", tokens: int = 5) -> bytes:
    delta = {"stop_reason": stop_reason, "stop_sequence": None}
    return event("message_delta", delta=delta, usage={"output_tokens": tokens}) + event("message_stop")


@dataclass(frozen=True)
class Text:
    """A text block, in the pieces in which it comes."""

    pieces: Sequence[str]

    def events(self, index: int) -> Iterator[bytes]:
        yield event("content_block_start", index=index, content_block={"type": "text", "text": ""})
        for piece in self.pieces:
            yield event("content_block_delta", index=index, delta={"type": "text_delta", "text": piece})
        yield event("content_block_stop", index=index)


@dataclass(frozen=True)
class Thinking:
    """A thinking block with its signature."""

    pieces: Sequence[str]
    signature: str = "sig"

    def events(self, index: int) -> Iterator[bytes]:
        yield event("content_block_start", index=index, content_block={"type": "thinking", "thinking": ""})
        for piece in self.pieces:
            yield event("content_block_delta", index=index, delta={"type": "thinking_delta", "thinking": piece})
        yield event("content_block_delta", index=index, delta={"type": "signature_delta", "signature": self.signature})
        yield event("content_block_stop", index=index)


@dataclass(frozen=True)
class ToolCall:
    """A tool call, its input in the pieces in which it comes."""

    name: str
    pieces: Sequence[str]

    def events(self, index: int) -> Iterator[bytes]:
        block = {"type": "tool_use", "id": f"toolu_{self.name}", "name": self.name, "input": {}}
        yield event("content_block_start", index=index, content_block=block)
        for piece in self.pieces:
            yield event("content_block_delta", index=index, delta={"type": "input_json_delta", "partial_json": piece})
        yield event("content_block_stop", index=index)


Block = Text | Thinking | ToolCall


def stream_of(blocks: Sequence[Block], stop_reason: str = "end_turn", tokens: int = 5) -> list[bytes]:
    """Return a whole answer, event by event."""
    middle = [piece for index, block in enumerate(blocks) for piece in block.events(index)]
    return [message_start(), *middle, *(each + b"\n\n" for each in message_end(stop_reason, tokens).split(b"\n\n")[:2])]


@dataclass
class Assembled:
    """What a strict client makes of a stream: it refuses what the order of events does not allow."""

    blocks: list[dict[str, Any]] = field(default_factory=list)
    closed: set[int] = field(default_factory=set)
    starts: int = 0
    stop_reason: str | None = None
    usage: dict[str, Any] = field(default_factory=dict)
    over: bool = False

    @classmethod
    def of(cls, stream: bytes) -> Assembled:
        assembled = cls()
        for each in events(stream):
            assembled.take(json.loads(each.data))
        return assembled

    def take(self, event: dict[str, Any]) -> None:
        assert not self.over, "nothing comes behind the end"
        match event["type"]:
            case "message_start":
                self.starts += 1
            case "content_block_start":
                assert event["index"] == len(self.blocks), "indices go up one by one"
                assert len(self.closed) == len(self.blocks), "one block is open at a time"
                assert self.stop_reason is None
                self.blocks.append({**event["content_block"], "json": ""})
            case "content_block_delta":
                assert event["index"] == len(self.blocks) - 1
                assert event["index"] not in self.closed
                self._extend(self.blocks[-1], event["delta"])
            case "content_block_stop":
                assert event["index"] == len(self.blocks) - 1
                assert event["index"] not in self.closed
                self.closed.add(event["index"])
            case "message_delta":
                assert len(self.closed) == len(self.blocks), "no block is open at the end"
                self.stop_reason, self.usage = event["delta"]["stop_reason"], event["usage"]
            case "message_stop":
                self.over = True
            case other:
                assert other == "ping"

    @staticmethod
    def _extend(block: dict[str, Any], delta: dict[str, Any]) -> None:
        match delta["type"]:
            case "text_delta":
                block["text"] += delta["text"]
            case "thinking_delta":
                block["thinking"] += delta["thinking"]
            case "signature_delta":
                block["signature"] = delta["signature"]
            case _:
                block["json"] += delta["partial_json"]

    @property
    def text(self) -> str:
        return "".join(block["text"] for block in self.blocks if block["type"] == "text")

    @property
    def calls(self) -> list[tuple[str, Any]]:
        return [(block["name"], json.loads(block["json"])) for block in self.blocks if block["type"] == "tool_use"]
