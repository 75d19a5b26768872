"""What a provider got of a request, in the order in which its prompt cache reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import msgspec

from claude_proxy.core.json_values import read_items
from claude_proxy.core.request import MessagesRequest

TOOLS: Final = 0
SYSTEM: Final = 1
SETTINGS: Final = 2
FIRST_MESSAGE: Final = 3
"""The places of the pieces. What comes behind a change of one of them is not read from the cache."""

MAX_MESSAGES: Final = 4096
MAX_BYTES: Final = 4 * 1024 * 1024
"""Of a conversation that is looked at: a million tokens take about as much. To look at it takes 3 ms."""

Piece: TypeAlias = bytes | msgspec.Raw


class SentPrompt(msgspec.Struct, frozen=True, gc=False):
    """A request, and what was written anew in it for the provider: fields of the body; None for those left out."""

    request: MessagesRequest
    written: Mapping[str, bytes | None]

    def __repr__(self) -> str:
        return f"<SentPrompt {self.request}, {self.extra_bytes} bytes anew>"

    @property
    def extra_bytes(self) -> int:
        """What it holds besides the request."""
        return sum(len(value) for value in self.written.values() if value)

    def pieces(self) -> Sequence[Piece] | None:
        """Return tools, system, settings and each message; None if these are too many or can't be read."""
        if len(self.request.body) + self.extra_bytes > MAX_BYTES:
            return None
        messages = self._messages()
        if messages is None or len(messages) > MAX_MESSAGES:
            return None
        settings = self._raw("thinking") + b"," + self._raw("tool_choice")
        return [self._raw("tools"), self._raw("system"), settings, *messages]

    def _messages(self) -> Sequence[Piece] | None:
        if self.request.messages is not None and "messages" not in self.written:
            return self.request.messages
        return read_items(self._raw("messages"))

    def _raw(self, name: str) -> bytes:
        if name in self.written:
            return self.written[name] or b""
        span = self.request.spans.get(name)
        return b"" if span is None else self.request.body[span]
