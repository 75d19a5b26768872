"""What goes over the wire: requests shaped like Claude Code's, and the streams that answer them."""

from __future__ import annotations

import json
from typing import Any, Final

MODEL: Final = "claude-opus-5-5"
_TOOLS: Final = 25
_SENTENCE: Final = 'Read the file "src/main.py" before you edit it;\n\tkeep its style, and say why (§ 4). '
_BETAS: Final = "claude-code-20250219,context-1m-2025-08-07,interleaved-thinking-2025-05-14"


def body(size: int) -> bytes:
    """Return a request body of about `size` bytes, its fields in Claude Code's order; at least 75,000."""
    fields: dict[str, Any] = {
        "model": MODEL,
        "messages": [],
        "system": [_block(prose(100)), _block(prose(18_000))],
        "tools": [_tool(number) for number in range(_TOOLS)],
        "metadata": {"user_id": json.dumps({"device_id": "d" * 64, "session_id": "5f0c4f5e"})},
        "max_tokens": 64000,
        "thinking": {"type": "adaptive"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "output_config": {"effort": "high"},
        "stream": True,
    }
    missing = size - len(compact(fields))
    while missing > 0:
        fields["messages"].append(_turn(len(fields["messages"]), min(missing, 8000)))
        missing = size - len(compact(fields))
    return compact(fields)


def compact(value: object) -> bytes:
    """Return JSON as Claude Code writes it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def prose(length: int) -> str:
    """Return so many characters of text."""
    return (_SENTENCE * (length // len(_SENTENCE) + 1))[:length]


def _block(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}


def _tool(number: int) -> dict[str, Any]:
    properties = {f"field_{index}": {"type": "string", "description": prose(90)} for index in range(4)}
    schema = {"type": "object", "properties": properties, "required": ["field_0"], "additionalProperties": False}
    return {"name": f"Tool{number}", "description": prose(1500), "input_schema": schema}


def _turn(position: int, length: int) -> dict[str, Any]:
    return {"role": "assistant" if position % 2 else "user", "content": [{"type": "text", "text": prose(length)}]}


def request(port: int, target: str, payload: bytes, token: str) -> bytes:
    """Return a whole HTTP request with the headers that Claude Code sends."""
    lines = (
        f"POST {target} HTTP/1.1",
        f"host: 127.0.0.1:{port}",
        "accept: application/json",
        "accept-encoding: gzip, deflate, br, zstd",
        f"anthropic-beta: {_BETAS}",
        "anthropic-dangerous-direct-browser-access: true",
        "anthropic-version: 2023-06-01",
        f"authorization: Bearer {token}",
        "connection: keep-alive",
        "content-type: application/json",
        "user-agent: claude-cli/2.1.330 (external, sdk-cli)",
        "x-app: cli",
        "x-claude-code-session-id: 3c0e8f5e-5a39-4f6b-9d25-0f4f3c7d1a11",
        "x-stainless-arch: x64",
        "x-stainless-lang: js",
        "x-stainless-os: Linux",
        "x-stainless-package-version: 0.74.0",
        "x-stainless-retry-count: 0",
        "x-stainless-runtime: node",
        "x-stainless-runtime-version: v24.3.0",
        "x-stainless-timeout: 600",
        f"content-length: {len(payload)}",
        "\r\n",
    )
    return "\r\n".join(lines).encode() + payload


def events(count: int) -> list[bytes]:
    """Return the `count` events of a whole stream with a text."""
    deltas = [_delta(number) for number in range(count - len(_OPENING) - len(_END))]
    return [*_OPENING, *deltas, *_END]


def opening() -> list[bytes]:
    """Return the events of a stream up to its first content."""
    return [*_OPENING, _delta(0)]


def _event(kind: str, **fields: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), compact({"type": kind, **fields}))


def _delta(number: int) -> bytes:
    delta = {"type": "text_delta", "text": f"word {number} of the answer"}
    return _event("content_block_delta", index=0, delta=delta)


_MESSAGE: Final[dict[str, Any]] = {
    "id": "msg_01",
    "type": "message",
    "role": "assistant",
    "model": MODEL,
    "content": [],
    "stop_reason": None,
    "stop_sequence": None,
    "usage": {"input_tokens": 20_000, "cache_read_input_tokens": 18_000, "output_tokens": 1},
}
_OPENING: Final = (
    _event("message_start", message=_MESSAGE),
    _event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
    _event("ping"),
)
_END: Final = (
    _event("content_block_stop", index=0),
    _event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 95}),
    _event("message_stop"),
)
ERROR: Final = _event("error", error={"type": "overloaded_error", "message": "Overloaded"})
"""An event that ends a stream before any content."""
