"""Draws the values that a target needs from a fuzzer's bytes, the same ones each time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import TypeVar

T = TypeVar("T")


class Source:
    """Some bytes. What is drawn comes from their beginning; `rest` is what a parser is given."""

    def __init__(self, data: bytes) -> None:
        self.rest = data

    def byte(self) -> int:
        """Return the next byte, 0 at the end."""
        first, self.rest = self.rest[:1], self.rest[1:]
        return first[0] if first else 0

    def choice(self, values: Sequence[T]) -> T:
        """Return one of the values."""
        return values[self.byte() % len(values)]

    def subset(self, values: Sequence[T]) -> tuple[T, ...]:
        """Return some of the values, eight for each byte."""
        mask = 0
        for shift in range(0, len(values), 8):
            mask |= self.byte() << shift
        return tuple(value for number, value in enumerate(values) if mask >> number & 1)

    def text(self) -> str:
        """Return the rest as text."""
        return self.rest.decode("utf-8", "replace")

    def until(self, mark: bytes) -> bytes:
        """Return what comes before a mark, and drop the mark; all that is left if there is none."""
        found, _, self.rest = self.rest.partition(mark)
        return found


def pieces(data: bytes, sizes: bytes) -> Iterator[bytes]:
    """Yield data cut into pieces of these sizes, over and over; in one piece without sizes."""
    position = 0
    for size in cycle(sizes or b"\0"):
        if position >= len(data):
            return
        end = position + size if size else len(data)
        yield data[position:end]
        position = end
