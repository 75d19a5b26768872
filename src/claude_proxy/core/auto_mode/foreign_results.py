"""Takes results of the check out of the answers of providers that were not asked for it.

Only Anthropic gets `safeguards`. The client would believe any provider that says its own tool calls are harmless.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from claude_proxy.core import sse
from claude_proxy.core.auto_mode.tool_calls import ESCAPED_LETTER
from claude_proxy.core.json_values import try_decode

RESULTS: Final = "safeguard_results"
_NEEDLE: Final = RESULTS.encode()
_PLACES: Final = ("delta", "message")
"""The members of events that clients look for results in, beside the events themselves."""

_object = msgspec.json.Decoder(dict[str, Any])


def without_results(block: bytes) -> bytes:
    """Return whole events without results. One that may hold some, and can't be read, is left out."""
    return sse.rewrite(block, _cleaned, _NEEDLE, ESCAPED_LETTER) if _may_hold_results(block) else block


def answer_without_results(body: bytes) -> bytes:
    """Return a whole answer without results."""
    answer = try_decode(_object, body) if _may_hold_results(body) else None
    if answer is None or RESULTS not in answer:
        return body
    del answer[RESULTS]
    return msgspec.json.encode(answer)


def _may_hold_results(data: bytes) -> bool:
    return _NEEDLE in data or ESCAPED_LETTER in data


def _cleaned(piece: bytes, whole: bytes) -> bytes:
    event = sse.parse(piece)
    if event is None:
        return whole
    members = try_decode(_object, event.data.decode("utf-8", "replace").encode())  # so do clients read it
    if members is None:
        return b""
    found = [each for each in (members, *map(members.get, _PLACES)) if isinstance(each, dict) and RESULTS in each]
    for each in found:
        del each[RESULTS]
    if not found:
        return whole
    return sse.written(event.name, msgspec.json.encode(members))
