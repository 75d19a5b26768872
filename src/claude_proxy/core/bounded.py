"""Dictionaries that forget: what is remembered of requests must not grow with them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")
OwnerT = TypeVar("OwnerT")


class BoundedDict(OrderedDict[K, V]):
    """A dictionary of at most `limit` entries, in the order in which they were set; reading does not change that order.

    Setting a key moves it to the end. If that is one entry too many, the first one is dropped.
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit

    def __setitem__(self, key: K, value: V) -> None:
        self.put(key, value)

    def put(self, key: K, value: V) -> K | None:
        """Set an entry. Return the key of the entry that was dropped for it, None if none was."""
        self.pop(key, None)
        super().__setitem__(key, value)
        return self.popitem(last=False)[0] if len(self) > self.limit else None

    def limit_to(self, limit: int) -> list[K]:
        """Set the limit. Return the keys of the entries that were dropped for it."""
        self.limit = limit
        return [self.popitem(last=False)[0] for _ in range(len(self) - limit)]

    def __repr__(self) -> str:
        return f"<BoundedDict {len(self)} of {self.limit}>"


class Shares(Generic[OwnerT, K, V]):
    """A table in which each owner has a bounded share of its own: none can push out what belongs to another.

    A share has `each` entries, or fewer if there are so many owners that all together might have more than `total`.
    """

    __slots__ = ("_each", "_shares", "_total")

    def __init__(self, each: int, total: int) -> None:
        self._each = each
        self._total = total
        self._shares: dict[OwnerT, BoundedDict[K, V]] = {}

    def get(self, owner: OwnerT, key: K) -> V | None:
        share = self._shares.get(owner)
        return None if share is None else share.get(key)

    def put(self, owner: OwnerT, key: K, value: V) -> list[K]:
        """Set an entry, which moves it to the end of its share. Return the keys of entries that were dropped for it."""
        share, dropped = self._shares.get(owner), list[K]()
        if share is None:
            limit = max(1, min(self._each, self._total // (len(self._shares) + 1)))
            dropped = [key for other in self._shares.values() for key in other.limit_to(limit)]
            share = self._shares[owner] = BoundedDict(limit)
        displaced = share.put(key, value)
        return dropped if displaced is None else [*dropped, displaced]

    def pop(self, owner: OwnerT) -> dict[K, V]:
        """Remove a share, and return it."""
        return self._shares.pop(owner, {})

    def owners(self) -> list[OwnerT]:
        return list(self._shares)

    def count(self, owner: OwnerT) -> int:
        """Return how many entries an owner has."""
        share = self._shares.get(owner)
        return 0 if share is None else len(share)

    def items(self) -> Iterator[tuple[OwnerT, K, V]]:
        """Yield all entries, those of an owner in the order in which they were set."""
        for owner, share in self._shares.items():
            for key, value in share.items():
                yield owner, key, value

    def __len__(self) -> int:
        return sum(map(len, self._shares.values()))

    def __repr__(self) -> str:
        return f"<Shares {len(self)} entries of {len(self._shares)} owners>"
