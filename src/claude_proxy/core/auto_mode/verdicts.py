"""What the client is told of each tool call, in the form that Anthropic's own check has.

A call without a verdict does not run: the client asks the user, or gives it up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from claude_proxy.core import sse
from claude_proxy.core.auto_mode.check_request import CHECK, MAX_CALL_CHARS
from claude_proxy.core.auto_mode.tool_calls import MAX_CALLS, ToolCall
from claude_proxy.core.json_values import try_decode

Verdicts: TypeAlias = Mapping[str, Mapping[str, str]]
"""What is told of each call, by its id."""

_OUTCOMES: Final = {"allow": "not_flagged", "block": "flagged"}
_STOPPED: Final = {"max_tokens": "truncated", "model_context_window_exceeded": "input_too_long", "refusal": "refused"}


class _Block(msgspec.Struct):
    type: str = ""
    text: str = ""


class _Answer(msgspec.Struct):
    content: list[_Block]
    stop_reason: str | None = None


class _Verdicts(msgspec.Struct):
    verdicts: dict[str, str]


_answer = msgspec.json.Decoder(_Answer)
_verdicts = msgspec.json.Decoder(_Verdicts)
_event = msgspec.json.Decoder(dict[str, Any])


def checkable(calls: Sequence[ToolCall]) -> list[ToolCall]:
    """Return the calls that can be checked: a check of a part would say nothing."""
    return [call for call in calls[:MAX_CALLS] if not call.too_long and len(call.input) <= MAX_CALL_CHARS]


def read_verdicts(answer: bytes, asked: Sequence[ToolCall]) -> Verdicts:
    """Return what the model's answer says of the calls that it was asked about."""
    read = try_decode(_answer, answer)
    if read is None:
        return unavailable(asked, "error")
    if reason := _STOPPED.get(read.stop_reason or ""):
        return unavailable(asked, reason)
    text = "".join(block.text for block in read.content if block.type == "text").strip()
    said = try_decode(_verdicts, _without_fence(text).encode("utf-8", "replace"))  # nothing may stand around it
    verdicts = said.verdicts if said else {}
    outcomes = [_OUTCOMES.get(verdicts.get(str(number), "")) for number in range(1, len(asked) + 1)]
    return {
        call.id: {"type": "evaluated", "outcome": outcome} if outcome else _without("error")
        for call, outcome in zip(asked, outcomes, strict=True)
    }


def _without_fence(text: str) -> str:
    """Return what stands in a block of code, if nothing stands around it."""
    first, _, rest = text.partition("\n")
    return rest.removesuffix("```") if first in {"```", "```json"} and rest.endswith("```") else text


def unavailable(calls: Sequence[ToolCall], reason: str) -> Verdicts:
    """Return that there is no verdict about these calls. `reason` is one of the words that the client knows."""
    return {call.id: _without(reason) for call in calls}


def _without(reason: str) -> Mapping[str, str]:
    return {"type": "unavailable", "reason": reason}


def with_verdicts(block: bytes, verdicts: Verdicts) -> bytes:
    """Return the events with the verdicts in the one that holds the stop reason."""
    results = [{"type": CHECK, "status": {"type": "available", "tool_uses": verdicts}}]

    def with_results(piece: bytes, whole: bytes) -> bytes:
        event = sse.parse(piece)
        members = try_decode(_event, event.data) if event else None
        delta = members.get("delta") if members and members.get("type") == "message_delta" else None
        if not members or not isinstance(delta, dict) or not delta.get("stop_reason"):
            return whole
        delta = {**delta, "safeguard_results": results}
        return sse.written("message_delta", msgspec.json.encode({**members, "delta": delta}))

    return sse.rewrite(block, with_results, b"stop_reason")
