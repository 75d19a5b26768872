"""What was changed in a request, in words that are safe in a header and in a log line."""

from __future__ import annotations

import re
from typing import Final

MAX_WORDS: Final = 16
MAX_WORD: Final = 64

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_.:>-]")


class Changes:
    """Counts what was changed: `block:image*2`. Some words come from the client, so each is made safe and short."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def note(self, word: str, times: int = 1) -> None:
        """Count a change."""
        word = _UNSAFE.sub("?", word[:MAX_WORD])
        self._counts[word] = self._counts.get(word, 0) + times

    def words(self) -> tuple[str, ...]:
        """Return them in the order in which they were made; what is over `MAX_WORDS` is only counted."""
        words = [word if count == 1 else f"{word}*{count}" for word, count in self._counts.items()]
        more = len(words) - MAX_WORDS
        return (*words[:MAX_WORDS], f"and-{more}-more") if more > 0 else tuple(words)
