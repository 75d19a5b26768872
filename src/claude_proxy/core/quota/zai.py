"""The plans of Z.ai and Zhipu: `{"code": 200, "data": {"limits": [...]}}`.

A limit of tokens or credits counts for everything; `TIME_LIMIT` counts calls of tools, without which it still answers.
`usage` is the limit and `currentValue` what is used. A refused key has status 200 and another `code`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from claude_proxy.core.quota import reading
from claude_proxy.core.quota.quota_report import QuotaWindow
from claude_proxy.core.quota.reading import HOUR, WEEK, NoQuota, Quota, Reading, number

_PLAN: Final = frozenset({"TOKENS_LIMIT", "CREDIT_LIMIT"})
_TOOLS: Final = "TIME_LIMIT"
_HOURS, _MONTHS, _WEEKS = 3, 5, 6
"""How the field `unit` counts."""
_FIVE: Final = 5.0


def read(body: bytes, now: float) -> Reading:
    """Read `/api/monitor/usage/quota/limit`."""
    answer = reading.document(body)
    if answer is None:
        return reading.NOT_READABLE
    if number(answer.get("code", 200)) != 200 or answer.get("success", True) is not True:
        return NoQuota(f"it answered {reading.error_code(answer.get('code'))}")
    limits = reading.objects(reading.member(answer, "data").get("limits"))
    return Quota(reading.worst([window for limit in limits for window in _windows(limit, now)]))


def _windows(limit: dict[str, Any], now: float) -> Iterator[QuotaWindow]:
    kind = str(limit.get("type", "")).upper()[:32]
    remaining = number(limit.get("remaining"))
    used = reading.share(number(limit.get("percentage")), 100.0)
    if used is None:
        used = reading.counted(limit.get("usage"), limit.get("currentValue"), remaining)
    resets_at = reading.moment(limit.get("nextResetTime"), now)
    if kind in _PLAN:
        # a percentage is rounded: it can be 100 while something remains
        spent = remaining is None or remaining <= 0
        yield from reading.window(_name(limit), used, resets_at, blocks=spent)
    elif kind == _TOOLS:
        yield from reading.window("tools a month", used, resets_at, blocks=False)


def _name(limit: dict[str, Any]) -> str:
    """Return the name of a window; empty if its unit is not known."""
    unit, count = number(limit.get("unit")), number(limit.get("number"))
    if unit == _HOURS:
        return reading.span((_FIVE if count is None else count) * HOUR)
    if unit == _WEEKS:
        return reading.span((1.0 if count is None else count) * WEEK)
    return "month" if unit == _MONTHS and count in {None, 1.0} else ""
