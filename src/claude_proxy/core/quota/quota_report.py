"""What is known of a provider's quota. Times are in seconds since the epoch.

These values are part of the answer to `/admin/status`, so they hold no secret, and this file loads nothing else.
"""

from __future__ import annotations

from typing import Final

import msgspec

NEARLY: Final = 0.8
"""The share of a window from which on its user is told."""

NOT_ASKED: Final = "not asked yet"
NOT_TOLD: Final = "no answer told it yet"
TURNED_OFF_BY_USER: Final = "turned off"
AS_EXPECTED: Final = frozenset({NOT_ASKED, NOT_TOLD, TURNED_OFF_BY_USER})
"""Why nothing is known although nothing has failed."""


class QuotaWindow(msgspec.Struct, frozen=True):
    """A limit of a plan that fills up and is reset."""

    name: str
    """How long it is, and what it is for if not for everything: `5 h`, `week`, `week (opus)`, `tokens a minute`."""
    used: float
    """From 0 to 1."""
    resets_at: float | None = None
    """None if the provider does not say."""
    blocks: bool = False
    """Whether the provider answers nothing until the reset, since it is used up."""
    is_pace: bool = False
    """Whether it limits the pace, over a minute or so: that it is nearly full means little."""

    @property
    def percent(self) -> int:
        """What of it is used, rounded down: 100 is used up."""
        return int(self.used * 100 + 1e-9)

    @property
    def is_nearly_used_up(self) -> bool:
        """Whether its user should know."""
        return self.used >= NEARLY and not self.is_pace


class Balance(msgspec.Struct, frozen=True):
    """Prepaid money; `currency` is `USD`, `CNY` or another code. It can be negative."""

    amount: float
    currency: str
    is_low: bool = False


class QuotaReport(msgspec.Struct, frozen=True):
    """The newest reading of a provider's quota. If nothing is known, `unknown` says why."""

    windows: tuple[QuotaWindow, ...] = ()
    """Those that have not been reset since they were read."""
    balance: Balance | None = None
    read_at: float | None = None
    unknown: str = ""
    """Why nothing newer is known, in a few words: `turned off`, `it answered 503`."""

    @property
    def fullest(self) -> QuotaWindow | None:
        """The window of a plan that is used up next, for places with room for one."""
        return max((window for window in self.windows if not window.is_pace), key=lambda each: each.used, default=None)
