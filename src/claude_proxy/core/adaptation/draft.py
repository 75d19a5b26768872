"""A request while it is changed: its top-level values, read and written one by one."""

from __future__ import annotations

from typing import Any

import msgspec

from claude_proxy.core.adaptation.changes import Changes
from claude_proxy.core.adaptation.constraints import Constraints
from claude_proxy.core.json_values import try_decode
from claude_proxy.core.request import MessagesRequest, spliced

_any = msgspec.json.Decoder()


class Draft:
    """What a provider will get. A value that no rule writes stays byte for byte as it came."""

    __slots__ = ("_new", "changes", "request", "terms")

    def __init__(self, request: MessagesRequest, terms: Constraints) -> None:
        self.request = request
        self.terms = terms
        self.changes = Changes()
        self._new: dict[str, bytes | None] = {}

    def raw(self, name: str) -> bytes | None:
        """Return a value as JSON; None where there is none."""
        if name in self._new:
            return self._new[name]
        span = self.request.spans.get(name)
        return None if span is None else self.request.body[span]

    def value(self, name: str) -> Any:
        """Return a value read; None where there is none, or none that can be read."""
        raw = self.raw(name)
        return None if raw is None else try_decode(_any, raw)

    def members(self, name: str) -> dict[str, Any] | None:
        """Return the members of a value that is an object, else None."""
        value = self.value(name)
        return value if isinstance(value, dict) else None

    def write(self, name: str, value: Any) -> None:
        """Set a value. Raw JSON in it stays as it is."""
        self._new[name] = msgspec.json.encode(value)

    def write_raw(self, name: str, value: bytes) -> None:
        """Set a value that is JSON already."""
        self._new[name] = value

    def drop(self, name: str) -> None:
        """Take a field out."""
        self._new[name] = None

    def body(self) -> bytes:
        """Return the body as it is now: the client's own where nothing was changed."""
        return spliced(self.request, self._new) if self._new else self.request.body
