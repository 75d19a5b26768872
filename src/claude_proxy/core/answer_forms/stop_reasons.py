"""Stop reasons that the Messages API does not have: what they mean.

the API's own          as it is
a word for one of it   the API's, once there is content: Claude Code acts on max_tokens, tool_use and refusal
a failure              the answer broke off: such as `network_error`
any other              as it is if there is content: clients take any text there

Without content, each that is not the API's own is the provider's failure: it says that nothing came of the request.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from claude_proxy.core import sse
from claude_proxy.core.json_values import as_raw, read_members, text_of

END_TURN: Final = "end_turn"
TOOL_USE: Final = "tool_use"

API_REASONS: Final = frozenset(
    {
        END_TURN,
        TOOL_USE,
        "max_tokens",
        "stop_sequence",
        "pause_turn",
        "refusal",
        "compaction",
        "model_context_window_exceeded",
    }
)

_SYNONYMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("stop", "end", "eos", "eos_token", "complete", "completed", "finished"), END_TURN),
        **dict.fromkeys(("tool_calls", "tool_call", "function_call"), TOOL_USE),
        **dict.fromkeys(("length", "max_output_tokens", "max_new_tokens", "max_length"), "max_tokens"),
        **dict.fromkeys(("content_filter", "safety", "sensitive"), "refusal"),
    }
)
"""The reasons of the chat completions, responses and Gemini APIs, and of inference servers."""

MAX_CHARS: Final = 200
"""How much of a stop reason is read; an event of a hostile provider may hold megabytes of one."""

_FAILURE: Final = re.compile(
    r"error|fail|abort|cancel|interrupt|time_?d?_?-?out|overload|unavailable|exception|disconnect"
)
"""Words for an answer that was not finished, whatever stands around them."""


def fault_of(reason: str, *, has_content: bool) -> str:
    """Return why an answer with this stop reason is none; an empty text if it is one."""
    if not reason or reason in API_REASONS:
        return ""
    word = reason[:MAX_CHARS].lower()
    if not has_content or (word not in _SYNONYMS and _FAILURE.search(word)):
        return f'the answer stopped with "{reason[:80]}"'
    return ""


def api_reason(reason: str) -> str:
    """Return the API's word for a stop reason; the same text if it has none."""
    return reason if reason in API_REASONS else _SYNONYMS.get(reason.lower(), reason)


def with_api_reasons(block: bytes) -> bytes:
    """Return events with the API's stop reasons in place of others; all else stays byte for byte."""
    return sse.rewrite(block, _with_api_reason)


def _with_api_reason(piece: bytes, whole: bytes) -> bytes:
    event = sse.parse(piece)
    renamed = _renamed(event.data) if event and event.kind == "message_delta" else None
    return whole if renamed is None else sse.written("message_delta", renamed)


def _renamed(data: bytes) -> bytes | None:
    members = read_members(data)
    delta = read_members(members["delta"]) if members and "delta" in members else None
    if members is None or delta is None:
        return None
    return msgspec.json.encode(
        members | {"delta": delta | {"stop_reason": as_raw(api_reason(text_of(delta, "stop_reason")))}}
    )
