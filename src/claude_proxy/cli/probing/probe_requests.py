"""Tiny requests that test a provider, one of each kind that Claude Code sends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from claude_proxy.core.messages import COUNT_TOKENS_PATH, MESSAGES_PATH

_MESSAGES = [{"role": "user", "content": "Say hi."}]
_ADDING = {
    "name": "add",
    "description": "Adds two numbers.",
    "input_schema": {
        "type": "object",
        "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
        "required": ["a", "b"],
    },
}


@dataclass(frozen=True, slots=True, eq=False)
class ProbeRequest:
    """A request without its model; `name` says what it tests."""

    name: str
    path: str = MESSAGES_PATH
    fields: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def streaming(self) -> bool:
        """Whether the answer comes as a stream."""
        return self.fields.get("stream") is True

    @property
    def counting(self) -> bool:
        """Whether the answer is a number of tokens."""
        return self.path == COUNT_TOKENS_PATH


MESSAGE = ProbeRequest("message", fields={"max_tokens": 16, "messages": _MESSAGES})
STREAM = ProbeRequest("stream", fields={**MESSAGE.fields, "stream": True})
COUNT = ProbeRequest("count_tokens", COUNT_TOKENS_PATH, {"messages": _MESSAGES})
TOOL = ProbeRequest(
    "tool",
    fields={
        "max_tokens": 1024,  # a model may think first, and that has to fit in too
        "tools": [_ADDING],
        "tool_choice": {"type": "auto"},
        "messages": [{"role": "user", "content": "Call the tool add with 12 and 30."}],
    },
)
