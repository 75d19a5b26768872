"""The proxy's own limit for the size of a request, in words: Claude Code does not show the text of a 413."""

from __future__ import annotations

from typing import Final

_MEBIBYTE: Final = 1024 * 1024
_SUGGESTED: Final = (32, 64, 128, 256, 512, 1024)
"""What to raise the limit to, in MB: Anthropic takes 32."""


def limit_in_words(limit: int) -> str:
    """Return a limit in bytes as it is written: `10 MB`."""
    return f"{round(limit / _MEBIBYTE, 2):g} MB"


def how_to_raise(limit: int) -> str:
    """Return what to do about requests that are larger than a limit, in a sentence."""
    higher = next((size for size in _SUGGESTED if size * _MEBIBYTE > limit), None)
    if higher is None:
        return "Begin a new conversation: max_body_mb in config.json cannot be higher."
    return f"Raise max_body_mb in config.json, such as to {higher}; the running proxy uses it at once."


def over_limit(limit: int) -> str:
    """Return what a client is told whose request is too large."""
    return f"the request is over {limit_in_words(limit)}, the proxy's own limit. {how_to_raise(limit)}"
