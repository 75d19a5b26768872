"""One whole message as the events that a client gets which asked for a stream.

    message ──► message_start, for each block: content_block_start, its deltas, content_block_stop
                message_delta, message_stop

Values that need no change stay as they were written. A block of a type that is not known stands whole in its start.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

import msgspec

from claude_proxy.core import sse
from claude_proxy.core.answer_forms.stop_reasons import END_TURN, TOOL_USE
from claude_proxy.core.json_values import Members, as_raw, read_items, read_members, text_of

_OF_DELTA: Final = ("container", "stop_details", "safeguard_results")
"""Members of a message that come in the delta of `message_delta`, as the stop reason does."""

_BESIDE_DELTA: Final = ("context_management",)

_CALLS: Final = frozenset({TOOL_USE, "server_tool_use", "mcp_tool_use"})

MAX_EVENTS: Final = 1024
"""Events that one message becomes at once: they take up to 40 ms. Real answers have a few dozen blocks."""

_NULL: Final = msgspec.Raw(b"null")
_NO_TOKENS: Final = msgspec.Raw(b"0")
_EMPTY_TEXT: Final = msgspec.Raw(b'""')
_NO_ITEMS: Final = msgspec.Raw(b"[]")
_NO_MEMBERS: Final = msgspec.Raw(b"{}")


def message_events(body: bytes) -> bytes | None:
    """Return the events of a whole message, which `judge_body` has accepted; None if they are over `MAX_EVENTS`."""
    message = read_members(body) or {}
    blocks = [read_members(raw) or {} for raw in read_items(message.get("content")) or ()]
    pieces = [_message_start(message)]
    for index, block in enumerate(blocks):
        pieces += islice(_block_events(index, block), MAX_EVENTS)
        if len(pieces) > MAX_EVENTS:
            return None
    pieces += [_message_delta(message, blocks), _event("message_stop", {})]
    return b"".join(pieces)


def _message_start(message: Members) -> bytes:
    kept = {name: raw for name, raw in message.items() if name not in (*_OF_DELTA, *_BESIDE_DELTA)}
    usage = _usage(message) | {"output_tokens": _NO_TOKENS}
    start = {"role": as_raw("assistant"), **kept}
    return _event(
        "message_start",
        {"message": start | {"content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}},
    )


def _message_delta(message: Members, blocks: list[Members]) -> bytes:
    delta: dict[str, Any] = {"stop_reason": message.get("stop_reason", _NULL)}
    if bytes(delta["stop_reason"]) == b"null" and blocks:
        calls = any(text_of(block, "type") == TOOL_USE for block in blocks)
        delta["stop_reason"] = TOOL_USE if calls else END_TURN
    delta["stop_sequence"] = message.get("stop_sequence", _NULL)
    delta |= {name: message[name] for name in _OF_DELTA if name in message}
    beside = {name: message[name] for name in _BESIDE_DELTA if name in message}
    return _event(
        "message_delta", {"delta": delta, "usage": {"output_tokens": _NO_TOKENS, **_usage(message)}, **beside}
    )


def _usage(message: Members) -> Members:
    return (read_members(message["usage"]) if "usage" in message else None) or {"input_tokens": _NO_TOKENS}


def _block_events(index: int, block: Members) -> Iterator[bytes]:
    start, deltas = _taken_apart(block)
    yield _event("content_block_start", {"index": index, "content_block": start})
    for delta in deltas:
        yield _event("content_block_delta", {"index": index, "delta": delta})
    yield _event("content_block_stop", {"index": index})


def _taken_apart(block: Members) -> tuple[Mapping[str, Any], list[dict[str, Any]]]:
    """Return a block as it starts, and the deltas that make it whole."""
    kind = text_of(block, "type")
    if kind == "text":
        return _text(block)
    if kind == "thinking":
        start = block | {"thinking": _EMPTY_TEXT, "signature": _EMPTY_TEXT}
        return start, [*_delta(block, "thinking_delta", "thinking"), *_delta(block, "signature_delta", "signature")]
    if kind in _CALLS:
        delta = {"type": "input_json_delta", "partial_json": _as_text(block.get("input", _NO_MEMBERS))}
        return block | {"input": _NO_MEMBERS}, [delta]
    return block, []


def _text(block: Members) -> tuple[Mapping[str, Any], list[dict[str, Any]]]:
    start, deltas = block | {"text": _EMPTY_TEXT}, _delta(block, "text_delta", "text")
    if citations := read_items(block.get("citations")):
        start["citations"] = _NO_ITEMS
        deltas += [{"type": "citations_delta", "citation": citation} for citation in citations]
    return start, deltas


def _delta(block: Members, kind: str, member: str) -> list[dict[str, Any]]:
    raw = block.get(member)
    return [{"type": kind, member: raw}] if raw is not None and bytes(raw).startswith(b'"') else []


def _as_text(value: msgspec.Raw) -> Any:
    """Return the JSON of a tool's input as a JSON string. Some providers send it as one, which is that already."""
    written = bytes(value)
    if written.startswith(b'"'):
        return value
    return written.decode("utf-8", "replace") if written != b"null" else "{}"


def _event(name: str, members: Mapping[str, Any]) -> bytes:
    return sse.written(name, msgspec.json.encode({"type": name, **members}))
