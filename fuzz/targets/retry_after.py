"""Times of return: in the words of an error they are ahead and not absurd; in header fields they are numbers."""

from __future__ import annotations

import math

from fuzz.source import Source

from claude_proxy.core.retry_after import MAX_AHEAD, time_in_headers, time_in_words

NOW = 1_800_000_000.0
NAMES = (
    b"retry-after",
    b"anthropic-ratelimit-unified-reset",
    b"anthropic-ratelimit-unified-status",
    b"anthropic-ratelimit-unified-5h-reset",
    b"anthropic-ratelimit-requests-reset",
    b"anthropic-ratelimit-requests-remaining",
)


def check(data: bytes) -> None:
    """Check the words of an error, and the same as the values of header fields."""
    source = Source(data)
    offset = float(source.byte() % 27 - 12)
    found = time_in_words(source.text(), NOW, offset)
    assert found is None or NOW < found <= NOW + MAX_AHEAD
    assert found == time_in_words(source.text() + "\n", NOW, offset) or len(source.rest) >= 999
    names = source.subset(NAMES)
    moment = time_in_headers(tuple(zip(names, source.rest.split(b"\n"), strict=False)), NOW)
    assert moment is None or math.isfinite(moment)
