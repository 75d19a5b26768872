"""OpenRouter: `/api/v1/key` tells the limit of a key, `/api/v1/credits` the account's balance; both below `data`.

A key without a limit has `limit: null`. When a limit is reset is not told.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final

from claude_proxy.core.quota import reading
from claude_proxy.core.quota.quota_report import Balance
from claude_proxy.core.quota.reading import Quota, Reading, number

_PERIODS: Final = MappingProxyType({"daily": "day", "weekly": "week", "monthly": "month"})


def read(body: bytes, _now: float) -> Reading:
    """Read the answer of either path."""
    answer = reading.document(body)
    data = reading.member(answer, "data")
    if not data:
        return reading.NOT_READABLE
    used = reading.left(number(data.get("limit_remaining")), number(data.get("limit")))
    period = data.get("limit_reset")
    name = _PERIODS.get(period, "") if isinstance(period, str) else "key"
    return Quota(reading.window(name, used, None), _balance(data))


def _balance(data: dict[str, Any]) -> Balance | None:
    bought, used = number(data.get("total_credits")), number(data.get("total_usage"))
    if bought is None or used is None or bought <= 0:  # an account that uses free models only has no balance to watch
        return None
    return reading.balance(bought - used, "USD")
