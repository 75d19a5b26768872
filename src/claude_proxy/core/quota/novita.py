"""The account at Novita: `{"availableBalance": "1000000", ...}`, in units of 1/10,000 dollar."""

from __future__ import annotations

from typing import Final

from claude_proxy.core.quota import reading
from claude_proxy.core.quota.reading import Quota, Reading, number

_UNITS_OF_A_DOLLAR: Final = 10_000


def read(body: bytes, _now: float) -> Reading:
    """Read `/openapi/v1/billing/balance/detail`."""
    answer = reading.document(body)
    if answer is None:
        return reading.NOT_READABLE
    units = number(answer.get("availableBalance"))
    return Quota(balance=None if units is None else reading.balance(units / _UNITS_OF_A_DOLLAR, "USD"))
