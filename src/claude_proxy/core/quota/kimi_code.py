"""The plans of Kimi Code, which tells the same in two ways: of the two, the worse counts.

The older one has counts, as texts: `usage` for the week, and `limits` with a window each. The newer one, `usages`, has
ratios by name, and has been seen to say 0 while a plan was used up.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Any, Final

from claude_proxy.core.quota import reading
from claude_proxy.core.quota.quota_report import QuotaWindow
from claude_proxy.core.quota.reading import DAY, HOUR, Quota, Reading, number

_NAMED: Final = MappingProxyType(
    {"limit_5h": "5 h", "limit_7d": "week", "limit_month_total": "month", "limit_month_code": "month (code)"}
)
_UNITS: Final = MappingProxyType({"SECOND": 1.0, "MINUTE": 60.0, "HOUR": HOUR, "DAY": DAY})
_RESETS: Final = ("resetTime", "reset_time", "resetAt", "reset_at")


def read(body: bytes, now: float) -> Reading:
    """Read `/coding/v1/usages`."""
    answer = reading.document(body)
    if answer is None:
        return reading.NOT_READABLE
    return Quota(reading.worst([*_by_count(answer, now), *_by_ratio(reading.member(answer, "usages"), now)]))


def _by_count(answer: dict[str, Any], now: float) -> Iterator[QuotaWindow]:
    yield from _counted("week", reading.member(answer, "usage"), now)
    for limit in reading.objects(answer.get("limits")):
        length = reading.member(limit, "window")
        unit = str(length.get("timeUnit", "")).upper().removeprefix("TIME_UNIT_")[:16]
        duration, seconds = number(length.get("duration")), _UNITS.get(unit)
        if duration is not None and seconds is not None:
            yield from _counted(reading.span(duration * seconds), reading.member(limit, "detail"), now)


def _counted(name: str, detail: dict[str, Any], now: float) -> Iterator[QuotaWindow]:
    used = reading.counted(detail.get("limit"), detail.get("used"), detail.get("remaining"))
    yield from reading.window(name, used, _reset(detail, now))


def _by_ratio(usages: dict[str, Any], now: float) -> Iterator[QuotaWindow]:
    for field, name in _NAMED.items():
        limit = reading.member(usages, field)
        yield from reading.window(name, reading.share(number(limit.get("used_ratio")), 1.0), _reset(limit, now))


def _reset(fields: dict[str, Any], now: float) -> float | None:
    moments = (reading.moment(fields.get(name), now) for name in _RESETS)
    return next((moment for moment in moments if moment is not None), None)
