"""The plans of MiniMax: `{"model_remains": [...], "base_resp": {"status_code": 0}}`, always with status 200.

Only the percentages are read, which say what remains: `usage_count` means what remains on the international host, and
what is used on the Chinese one. Of the buckets, those of text count; some have no name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from claude_proxy.core.quota import reading
from claude_proxy.core.quota.quota_report import QuotaWindow
from claude_proxy.core.quota.reading import NoQuota, Quota, Reading, number

_TEXT: Final = re.compile(r"general|minimax-m[\d*].{0,40}", re.IGNORECASE)
_LIMITED: Final = 1
"""The `current_weekly_status` of a plan that has a limit for the week; 3 says that it has none."""
_KEY_REFUSED: Final = frozenset({1004, 2049})
"""No key; an unknown key, or one of the other region."""


def read(body: bytes, now: float) -> Reading:
    """Read `/v1/token_plan/remains`, or the older `/v1/api/openplatform/coding_plan/remains`."""
    answer = reading.document(body)
    if answer is None:
        return reading.NOT_READABLE
    code = reading.member(answer, "base_resp").get("status_code", 0)
    if (value := number(code)) != 0:
        return NoQuota("it refused the key" if value in _KEY_REFUSED else f"it answered {reading.error_code(code)}")
    buckets = [each for each in reading.objects(answer.get("model_remains")) if _is_text(each.get("model_name"))]
    return Quota(reading.worst([window for bucket in buckets for window in _windows(bucket, now)]))


def _is_text(name: object) -> bool:
    return isinstance(name, str) and _TEXT.fullmatch(name.strip()) is not None


def _windows(bucket: dict[str, Any], now: float) -> Iterator[QuotaWindow]:
    start, end = (reading.moment(bucket.get(field), now) for field in ("start_time", "end_time"))
    name = "5 h" if start is None or end is None else reading.span(end - start)
    yield from reading.window(name, _used(bucket.get("current_interval_remaining_percent")), end)
    if number(bucket.get("current_weekly_status")) == _LIMITED:
        weekly_end = reading.moment(bucket.get("weekly_end_time"), now)
        yield from reading.window("week", _used(bucket.get("current_weekly_remaining_percent")), weekly_end)


def _used(remaining_percent: object) -> float | None:
    return reading.left(number(remaining_percent), 100.0)
