"""How an answer ends that broke off and can't go on: so that its client recovers by itself.

    Claude Code, a block is complete  the stop reason `max_tokens`: it asks for the rest. After an error event or a cut,
                                      an interactive session gives the turn up.
    Claude Code, anything else        the connection breaks: it sends the request again, and takes a stream. After an
                                      error event it asks without streaming if text has begun.
    any other client                  an error event, which says what happened

Measured with Claude Code 2.1.332: bench/FAULTS.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from claude_proxy.core.continuation.delivered import Content, Delivered
from claude_proxy.core.continuation.joined_stream import end_answer
from claude_proxy.core.request import MessagesRequest
from claude_proxy.core.types import Headers, Usage

_CLAUDE_CODE: Final = b"claude-cli/"
_ASKS_FOR_SUMMARY: Final = b"Your task is to create a detailed summary of "
"""How Claude Code asks for what replaces a conversation that grows too long: half of that must not pass for all."""

_KEPT: Final = frozenset({Content.TEXT, Content.OPAQUE})
_THINKING: Final = frozenset({"thinking", "redacted_thinking"})
_NO_TOOLS: Final = frozenset({b"", b"[]", b"null"})


def is_claude_code(headers: Headers) -> bool:
    """Whether a request comes from Claude Code."""
    return any(name == b"user-agent" and value.startswith(_CLAUDE_CODE) for name, value in headers)


def end_at_limit(request: MessagesRequest, delivered: Delivered, parts: Sequence[Usage]) -> bytes:
    """Return the events that end an answer as if it had reached its limit of tokens; none if that would do harm.

    Claude Code asks for the rest of a turn. A title, a summary and the like it would take as they are.
    """
    tools = request.body[request.spans["tools"]] if "tools" in request.spans else b""
    if tools.strip() in _NO_TOOLS or _ASKS_FOR_SUMMARY in request.body or not _can_end(delivered):
        return b""
    return end_answer(delivered, parts, "max_tokens")


def _can_end(delivered: Delivered) -> bool:
    """Whether an answer can end with its last block, and Claude Code would not send the request again by itself."""
    blocks = delivered.blocks
    if delivered.content not in _KEPT or not any(block.closed for block in blocks):
        return False
    last = blocks[-1]
    return last.kind == "text" or (last.closed and last.kind not in _THINKING)
