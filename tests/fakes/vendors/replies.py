"""What a model says in one answer, and the answer that carries it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fakes.scripts import MESSAGE_STOP, PING, block_delta, block_start, block_stop
from fakes.steps import Event, Script, Status, Step, Stream, Text

Block = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ModelReply:
    """One answer: thinking, a text, tool calls (name and input); each may be missing."""

    thinking: tuple[str, ...] = ()
    text: str = ""
    calls: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    redacted: bool = False
    """One more thinking block, which a provider that can do so sends redacted."""


HELLO = ModelReply(("the user greets me",), "hello")


@dataclass(frozen=True, slots=True)
class ReportedUsage:
    """The usage that an answer reports: in its `message_start`, and in its `message_delta`."""

    start: Mapping[str, int]
    end: Mapping[str, int]


def streamed(message_id: str, model: str, blocks: Sequence[Block], counted: ReportedUsage) -> Script:
    """Return the stream of an answer."""
    opened = {**_envelope(message_id, model, [], counted.start), "stop_reason": None}
    steps: list[Step] = [Stream(), Event("message_start", {"message": opened}), PING]
    for index, block in enumerate(blocks):
        steps += _events(block, index)
    delta = {"stop_reason": _stop_reason(blocks), "stop_sequence": None}
    return [*steps, Event("message_delta", {"delta": delta, "usage": dict(counted.end)}), MESSAGE_STOP]


def whole(message_id: str, model: str, blocks: Sequence[Block], counted: ReportedUsage) -> Script:
    """Return an answer that is not streamed."""
    usage = {**counted.start, **counted.end}
    answer = {**_envelope(message_id, model, blocks, usage), "stop_reason": _stop_reason(blocks)}
    return [Status(200, json.dumps(answer).encode())]


def _envelope(message_id: str, model: str, blocks: Sequence[Block], usage: Mapping[str, int]) -> Block:
    return {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": list(blocks),
        "stop_sequence": None,
        "usage": dict(usage),
    }


def _stop_reason(blocks: Iterable[Block]) -> str:
    return "tool_use" if any(block["type"] == "tool_use" for block in blocks) else "end_turn"


def _events(block: Block, index: int) -> Iterable[Step]:
    match block["type"]:
        case "thinking":
            return _thinking(block, index)
        case "text":
            return [Text(block["text"], index=index)]
        case "tool_use":
            return _call(block, index)
        case _:
            return [block_start(block, index), block_stop(index)]


def _thinking(block: Block, index: int) -> Iterable[Step]:
    yield block_start({"type": "thinking", "thinking": "", "signature": ""}, index)
    if block["thinking"]:
        yield block_delta("thinking_delta", "thinking", block["thinking"], index)
    yield block_delta("signature_delta", "signature", block["signature"], index)
    yield block_stop(index)


def _call(block: Block, index: int) -> Iterable[Step]:
    text = json.dumps(block["input"])
    middle = len(text) // 2
    yield block_start({**block, "input": {}}, index)
    yield block_delta("input_json_delta", "partial_json", text[:middle], index)
    yield block_delta("input_json_delta", "partial_json", text[middle:], index)
    yield block_stop(index)
