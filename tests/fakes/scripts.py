"""Ready-made answers, as the Messages API sends them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from fakes.server_connection import Request
from fakes.steps import Event, Script, Status, Step, Stream, Text, text_delta

MODEL = "scripted-model"
USAGE = {"input_tokens": 12, "output_tokens": 7}

PING = Event("ping")
MESSAGE_STOP = Event("message_stop")


def message_start(input_tokens: int = USAGE["input_tokens"]) -> Event:
    usage = {"input_tokens": input_tokens, "output_tokens": 1}
    return Event("message_start", {"message": _message([], usage, stop_reason=None)})


def message_delta(stop_reason: str = "end_turn", output_tokens: int = USAGE["output_tokens"]) -> Event:
    delta = {"stop_reason": stop_reason, "stop_sequence": None}
    return Event("message_delta", {"delta": delta, "usage": {"output_tokens": output_tokens}})


def block_start(block: Mapping[str, Any], index: int = 0) -> Event:
    return Event("content_block_start", {"index": index, "content_block": block})


def block_delta(kind: str, field: str, value: str, index: int = 0) -> Event:
    return Event("content_block_delta", {"index": index, "delta": {"type": kind, field: value}})


def block_stop(index: int = 0) -> Event:
    return Event("content_block_stop", {"index": index})


def stream_error(kind: str, message: str = "scripted error") -> Event:
    return Event("error", {"error": {"type": kind, "message": message}})


def message(text: str = "hello", deltas: int = 3) -> list[Step]:
    """A complete stream of one text."""
    return [Stream(), message_start(), PING, Text(text, deltas), message_delta(), MESSAGE_STOP]


def opening(text: str = "hello") -> list[Step]:
    """A stream up to the middle of its text; the test adds the rest."""
    return [Stream(), message_start(), block_start({"type": "text", "text": ""}), text_delta(text)]


def thinking_then_text(thought: str, text: str) -> list[Step]:
    return [
        Stream(),
        message_start(),
        block_start({"type": "thinking", "thinking": "", "signature": ""}),
        block_delta("thinking_delta", "thinking", thought),
        block_delta("signature_delta", "signature", "c2lnbmVk"),
        block_stop(),
        Text(text, index=1),
        message_delta(),
        MESSAGE_STOP,
    ]


def tool_use(name: str, arguments: Mapping[str, Any], tool_id: str = "toolu_fake") -> list[Step]:
    """A stream that asks for a tool, its input in two pieces."""
    text = json.dumps(arguments)
    middle = len(text) // 2
    return [
        Stream(),
        message_start(),
        block_start({"type": "tool_use", "id": tool_id, "name": name, "input": {}}),
        block_delta("input_json_delta", "partial_json", text[:middle]),
        block_delta("input_json_delta", "partial_json", text[middle:]),
        block_stop(),
        message_delta("tool_use"),
        MESSAGE_STOP,
    ]


def error_event(kind: str = "overloaded_error") -> list[Step]:
    """A stream whose first event is an error."""
    return [Stream(), stream_error(kind)]


def json_message(text: str = "hello") -> list[Step]:
    """The answer to a request that does not stream."""
    body = _message([{"type": "text", "text": text}], USAGE, stop_reason="end_turn")
    return [Status(200, json.dumps({"type": "message", **body}).encode())]


MESSAGE_TEXT = "the answer is private"
MESSAGE = {
    "id": "msg_fake",
    "type": "message",
    "role": "assistant",
    "model": "fake",
    "content": [{"type": "text", "text": MESSAGE_TEXT}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 5},
}


def json_answer(status: int, content: object = None, **fields: str) -> list[Step]:
    """A JSON answer with these headers: `MESSAGE`, or an error in Anthropic's form, unless a content is given."""
    value = MESSAGE if content is None and status == 200 else content
    headers = {name.replace("_", "-"): text for name, text in fields.items()}
    return [Status(status, None if value is None else json.dumps(value).encode(), headers)]


def answers(text: str = "hello") -> Callable[[Request], Script]:
    """Answer each request as it asks: streamed or whole. Paths other than messages are 404."""

    def answer(request: Request) -> Script:
        if request.method == "HEAD":
            return [Status(200, b"")]
        if request.target.partition("?")[0] != "/v1/messages":
            return [Status(404)]
        return message(text) if request.json().get("stream") else json_message(text)

    return answer


def _message(content: list[Any], usage: Mapping[str, int], *, stop_reason: str | None) -> dict[str, Any]:
    return {
        "id": "msg_fake",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": dict(usage),
    }
