"""A dictionary that forgets: what is remembered of requests must not grow with them."""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class BoundedDict(OrderedDict[K, V]):
    """A dictionary of at most `limit` entries, in the order in which they were set; reading does not change that order.

    Setting a key moves it to the end. If that is one entry too many, the first one is dropped.
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit

    def __setitem__(self, key: K, value: V) -> None:
        self.put(key, value)

    def put(self, key: K, value: V) -> V | None:
        """Set an entry. Return the value that it displaced: the key's old one, or the one that was dropped."""
        displaced = self.pop(key, None)
        super().__setitem__(key, value)
        if len(self) > self.limit:
            _, displaced = self.popitem(last=False)
        return displaced

    def __repr__(self) -> str:
        return f"<BoundedDict {len(self)} of {self.limit}>"
