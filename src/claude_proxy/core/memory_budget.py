"""How much memory all requests and answers may take together: one budget, of which each exchange has a share.

    MemoryBudget ─► share, of an exchange ─► part, of an attempt ─► part, of what it holds: a body, an event
                    `close` gives back all that the share and its parts hold

Only what can grow large is counted, and only once it is: a share that holds little costs nothing.
"""

from __future__ import annotations

from typing import Final, Protocol

NOT_COUNTED: Final = 64 * 1024
"""What a share may hold without being counted. Nearly all events and most requests are smaller."""

DEFAULT_LIMIT: Final = 512 * 1024 * 1024
"""Bytes. A request is held twice, and the longest ones, a million tokens, take 4 MiB: room for sixty of those at once,
where a person's agents rarely send ten."""

_MEBIBYTE: Final = 1024 * 1024


class OverBudgetError(Exception):
    """What is to be held would go beyond the budget. The text may be shown to a client."""


class _Holder(Protocol):
    def change(self, more: int, *, forced: bool = False) -> None: ...


class MemoryBudget:
    """What is held, and its limit, in bytes. The limit may change at any time: what is held then stays."""

    __slots__ = ("held", "limit")

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self.limit = limit
        self.held = 0

    @property
    def is_half_used(self) -> bool:
        """Whether what is only held in case it is needed once more should be let go of."""
        return self.held * 2 > self.limit

    def share(self) -> MemoryShare:
        """Return a share that holds nothing yet."""
        return MemoryShare(self)

    def change(self, more: int, *, forced: bool = False) -> None:
        """Hold more, or less. Raises `OverBudgetError`, and changes nothing then, unless it is `forced`."""
        if more > 0 and not forced and self.held + more > self.limit:
            size = f"{self.limit / _MEBIBYTE:g} MB"
            message = f"all requests and answers together would take more than {size} of memory"
            raise OverBudgetError(f"{message} (memory_budget_mb in config.json sets the limit)")
        self.held += more

    def __repr__(self) -> str:
        return f"<MemoryBudget {self.held} of {self.limit} bytes>"


class MemoryShare:
    """What one holder has of a budget, with its parts."""

    __slots__ = ("_above", "_closed", "_total", "size")

    def __init__(self, above: _Holder) -> None:
        self._above = above
        self._closed = False
        self._total = 0
        self.size = 0
        """What is counted of this share itself, in bytes; 0 if it holds little."""

    def hold(self, size: int) -> None:
        """Set how many bytes are held now. Raises `OverBudgetError`: then it is as before."""
        self._set(size, forced=False)

    def count(self, size: int) -> None:
        """Set how many bytes are held now, whatever the limit: of what has come already, and is bounded in itself."""
        self._set(size, forced=True)

    def _set(self, size: int, *, forced: bool) -> None:
        counted = size if size > NOT_COUNTED else 0
        if counted != self.size:
            self.change(counted - self.size, forced=forced)
            self.size = counted

    def part(self) -> MemoryShare:
        """Return a share of its own that is given back with this one."""
        return MemoryShare(self)

    def close(self) -> None:
        """Give everything back, for good: from now on, nothing is counted. Idempotent."""
        self.change(-self._total)
        self._closed = True

    def change(self, more: int, *, forced: bool = False) -> None:
        """Hold more, or less, in one of the parts. Raises `OverBudgetError`."""
        if not self._closed:
            self._above.change(more, forced=forced)
            self._total += more

    def __repr__(self) -> str:
        return f"<MemoryShare {self._total} bytes{', closed' * self._closed}>"
