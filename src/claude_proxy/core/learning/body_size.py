"""How large a request a provider takes, by its own error: a 413, or words that mean one.

It counts only if it is about the whole request, not about its tokens or one of its images.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from claude_proxy.core.learning.error_texts import Pattern
from claude_proxy.core.outcome import Rejected
from claude_proxy.core.reasons import Reason
from claude_proxy.core.traits import Kind, Rule

MIN_LIMIT: Final = 256 * 1024
"""Bytes. No provider takes less; what says so is about something else."""

_TOO_LARGE: Final = 413
_MAX_WORDS: Final = 1000
_WHOLE: Final = r"(?:request|body|payload|entity|content[ -]length|http message)"
_OVER: Final = r"(?:too (?:large|big)|exceed|larger than|over the|limit|maximum|max )"
_SAYS_SO: Final = Pattern(
    rf"\b{_WHOLE}\b[^\n]{{0,60}}\b{_OVER}", rf"\b{_OVER}[^\n]{{0,40}}\b{_WHOLE}\b", r"请求体(?:过大|超)"
)
_SIZE_WORDS: Final = Pattern(r"\b(?:bytes|[kmg]i?b|size|large|big)\b", "过大")
_ABOUT_ELSE: Final = Pattern(r"\b(?:tokens?|context|images?|files?)\b", r"\bper (?:minute|day|hour)\b")
_SIZE: Final = re.compile(r"(?<![\d.])(\d{1,12}(?:\.\d{1,3})?) ?(bytes|b|kb|kib|mb|mib|gb|gib)\b", re.IGNORECASE)
_POWERS: Final = {"b": 0, "k": 1, "m": 2, "g": 3}


def infer_max_bytes(rejected: Rejected, sent: int) -> Rule | None:
    """Return how many bytes a provider takes that rejected a request of `sent` bytes; None if it does not say that."""
    words = rejected.text[:_MAX_WORDS]
    if sent <= MIN_LIMIT or rejected.reason is Reason.TOO_LONG or _ABOUT_ELSE.search(words):
        return None
    is_named = rejected.status != _TOO_LARGE
    if is_named and not (rejected.status in (400, 422) and _SAYS_SO.search(words) and _SIZE_WORDS.search(words)):
        return None
    named = (max(_sizes_in(words, base, sent), default=0) for base in (1024, 1000))
    return Rule(Kind.MAX_BYTES, str(next(filter(None, named), sent - 1)))


def _sizes_in(words: str, base: int, sent: int) -> Iterator[int]:
    """Yield the sizes that a text names and that are smaller than what was sent, in bytes."""
    for number, unit in _SIZE.findall(words):
        size = int(float(number) * base ** _POWERS[unit[0].lower()])
        if MIN_LIMIT <= size < sent:
            yield size
