"""A request while it is changed: its headers and top-level fields, and a record of the changes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import msgspec

from claude_proxy.core.adaptation.constraints import Constraints
from claude_proxy.core.json_values import try_decode
from claude_proxy.core.request import MessagesRequest, splice
from claude_proxy.core.types import Headers, Upstream

OwnerOf: TypeAlias = Callable[[str], Upstream | None]
"""Returns the upstream that made a thinking signature; None if that is not known."""

MAX_WORDS: Final = 16
MAX_WORD: Final = 64

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_.:>-]")
_any = msgspec.json.Decoder()


class Changes:
    """Counts changes: `block:image*2`. Some words come from the client, so each is made safe for headers and logs."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def note(self, word: str, times: int = 1) -> None:
        """Count a change."""
        word = _UNSAFE.sub("?", word[:MAX_WORD])
        self._counts[word] = self._counts.get(word, 0) + times

    def words(self) -> tuple[str, ...]:
        """Return the changes in the order in which they were made. Above `MAX_WORDS` they are only counted."""
        words = [word if count == 1 else f"{word}*{count}" for word, count in self._counts.items()]
        more = len(words) - MAX_WORDS
        return (*words[:MAX_WORDS], f"and-{more}-more") if more > 0 else tuple(words)


class Draft:
    """What a provider will get. A field that no rule writes stays byte for byte as it came."""

    __slots__ = ("_fields", "added_headers", "changes", "constraints", "headers", "owner_of", "request", "tool_names")

    def __init__(self, request: MessagesRequest, constraints: Constraints, owner_of: OwnerOf | None = None) -> None:
        self.request = request
        self.constraints = constraints
        self.owner_of = owner_of
        """None: no thinking of another provider can be in the request."""
        self.headers = request.headers
        self.added_headers: Headers = ()
        """Header fields that the client did not send. The user's own for a provider replace them."""
        self.changes = Changes()
        self.tool_names: dict[str, str] = {}
        """By the name that the provider is sent, the tool's own; of those alone that have another."""
        self._fields: dict[str, bytes | None] = {}

    def raw(self, name: str) -> bytes | None:
        """Return a top-level field as JSON; None if it is missing."""
        if name in self._fields:
            return self._fields[name]
        span = self.request.spans.get(name)
        return None if span is None else self.request.body[span]

    def value(self, name: str) -> Any:
        """Return a top-level field, read; None if it is missing or cannot be read."""
        raw = self.raw(name)
        return None if raw is None else try_decode(_any, raw)

    def members(self, name: str) -> dict[str, Any] | None:
        """Return the members of a field that is an object; None if it is something else."""
        value = self.value(name)
        return value if isinstance(value, dict) else None

    def write(self, name: str, value: Any) -> None:
        """Set a field. Raw JSON in the value stays as it is."""
        self._fields[name] = msgspec.json.encode(value)

    def write_raw(self, name: str, value: bytes) -> None:
        """Set a field to a value that is JSON already."""
        self._fields[name] = value

    def drop(self, name: str) -> None:
        """Remove a field."""
        self._fields[name] = None

    def drop_member(self, name: str, path: list[str]) -> bool:
        """Remove a member of a field, and each object that this leaves empty. Tell whether it was there."""
        value = self.members(name)
        if value is None or not _remove(value, path):
            return False
        if value:
            self.write(name, value)
        else:
            self.drop(name)
        return True

    @property
    def written(self) -> Mapping[str, bytes | None]:
        """The fields that were written anew; None for those that were removed."""
        return self._fields

    def body(self) -> bytes:
        """Return the body as it is now: the client's own bytes if nothing was changed."""
        return splice(self.request, self._fields) if self._fields else self.request.body


def _remove(value: dict[str, Any], path: list[str]) -> bool:
    name, *deeper = path
    if name not in value:
        return False
    if deeper:
        inner = value[name]
        if not isinstance(inner, dict) or not _remove(inner, deeper):
            return False
        if inner:
            return True
    del value[name]
    return True
