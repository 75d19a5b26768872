"""The proxy's own answer to a request for server tools alone that no provider has, such as Claude Code's WebSearch.

A provider would answer it without a search and without saying so, and the user would read that as "nothing found".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from claude_proxy.core import messages, sse
from claude_proxy.core.capabilities import accepts_tool, capabilities_of
from claude_proxy.core.reply import stream_head
from claude_proxy.core.request import MessagesRequest
from claude_proxy.core.routing import Candidate
from claude_proxy.core.types import Reply

_ID: Final = "msg_claude_proxy"
_USAGE: Final = {"input_tokens": 0, "output_tokens": 0}
_MAX_NAME_LENGTH: Final = 64


def unsupported_tool_reply(request: MessagesRequest, candidates: Sequence[Candidate]) -> Reply | None:
    """Return an answer that says what no candidate can do; None if one can, or if the request asks for more."""
    offered = [capabilities_of(candidate, frozenset()).server_tools for candidate in candidates]
    if None in offered or not request.required_features.only_server_tools:
        return None
    kinds = request.required_features.server_tools
    if any(accepts_tool(tools, kind) for tools in offered for kind in kinds):
        return None
    text = _text(kinds)
    if request.streaming:
        return Reply(200, stream_head(()), _stream(request, text))
    return Reply(
        200, ((b"content-type", messages.JSON),), msgspec.json.encode(_message(request, [_block(text)], "end_turn"))
    )


def _text(kinds: Sequence[str]) -> str:
    named = ", ".join(kind[:_MAX_NAME_LENGTH] for kind in dict.fromkeys(kinds))
    return (
        f"claude-proxy: this was not done, because none of the providers has the tool for it ({named}). "
        "This is not an empty result: nothing was searched. Tell the user so, and continue without this tool."
    )


def _block(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _message(request: MessagesRequest, content: list[dict[str, Any]], stop_reason: str | None) -> dict[str, Any]:
    return {
        "id": _ID,
        "type": "message",
        "role": "assistant",
        "model": request.model,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": _USAGE,
    }


def _stream(request: MessagesRequest, text: str) -> bytes:
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": _message(request, [], None)},
        {"type": "content_block_start", "index": 0, "content_block": _block("")},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": _USAGE},
    ]
    lines = [sse.written(str(event["type"]), msgspec.json.encode(event)) for event in events]
    return b"".join((*lines, messages.MESSAGE_STOP))
