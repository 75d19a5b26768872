"""A mapping that forgets: what is remembered of requests must not grow with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar, overload

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")


class BoundedDict(Mapping[K, V]):
    """A mapping of at most `limit` entries, in the order in which they were put; reading does not change that order.

    Each `put` moves its key to the end. If that is one entry too many, the first one is dropped.
    """

    __slots__ = ("_entries", "_limit")

    def __init__(self, limit: int) -> None:
        self._entries: dict[K, V] = {}
        self._limit = limit

    def put(self, key: K, value: V) -> V | None:
        """Set an entry. Return the value that it displaced: the key's old one, or the one that was dropped."""
        displaced = self._entries.pop(key, None)
        self._entries[key] = value
        if len(self._entries) > self._limit:
            return self._entries.pop(next(iter(self._entries)))
        return displaced

    def pop(self, key: K) -> V | None:
        """Remove an entry and return its value, None if there is none."""
        return self._entries.pop(key, None)

    @overload
    def get(self, key: K, /) -> V | None: ...
    @overload
    def get(self, key: K, /, default: V | T) -> V | T: ...
    def get(self, key: K, /, default: object = None) -> object:
        """Return the value of a key. Written out, since the inherited one raises and catches for each missing key."""
        return self._entries.get(key, default)

    def __getitem__(self, key: K) -> V:
        return self._entries[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"<BoundedDict {len(self._entries)} of {self._limit}>"
