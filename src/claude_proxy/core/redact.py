"""A provider's own words without its key: some quote the key that they refuse."""

from __future__ import annotations

from typing import Final

MASK: Final = "[key]"

_TELLING_PART: Final = 8
"""Characters of a key's beginning; fewer, of which some are the same in each key of a provider, tell nothing."""


def redacted(text: str, secret: str, limit: int) -> str:
    """Return at most `limit` characters of `text`, without `secret`.

    It is replaced before the text is cut: half a key would not be found any more. For the same reason a beginning of
    it at the end of the text, which may have been cut already, goes as well.
    """
    if not secret:
        return text[:limit]
    text = text.replace(secret, MASK)
    for length in range(len(secret) - 1, _TELLING_PART - 1, -1):
        if text.endswith(secret[:length]):
            text = text[:-length] + MASK
            break
    return text[:limit]
