"""What was expected of a prompt cache, and why it was missed."""

from __future__ import annotations

from typing import Final

import msgspec

PROVIDER_CHANGED: Final = "provider changed"
IDLE: Final = "idle past the cache's life"
TOO_SHORT: Final = "below the least length"
UNEXPLAINED: Final = "unexplained"
TOOLS_CHANGED: Final = "tools changed"
SYSTEM_CHANGED: Final = "system changed"
SETTINGS_CHANGED: Final = "thinking or tool_choice changed"


class CacheFinding(msgspec.Struct, frozen=True, gc=False):
    """How much of a request should have been read from the cache, and how much of that was not."""

    expected_tokens: int
    """0 for the first request of a conversation."""
    missed_tokens: int = 0
    """0 as well if so few are missing that they can be a matter of rounding."""
    reason: str = ""
    """Why; one of the texts above, or `message 12 changed`. Empty: nothing was missed."""
    cost: float | None = 0.0
    """What that cost more than reading them, in US dollars; 0 if a plan pays, None if a price is not known."""


def message_changed(number: int) -> str:
    """Return the reason that names a message; the first one has the number 1."""
    return f"message {number} changed"
