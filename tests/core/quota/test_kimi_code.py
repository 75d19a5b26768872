"""The plans of Kimi Code, which are told in two ways."""

from __future__ import annotations

import json
from typing import Any

import pytest

from claude_proxy.core.quota import kimi_code
from claude_proxy.core.quota.quota_report import QuotaWindow
from claude_proxy.core.quota.reading import NOT_READABLE, Quota
from core.builders import NOW
from fakes import quota_answers
from fakes.quota_answers import HOUR, WEEK, rfc3339


def windows(answer: object) -> tuple[QuotaWindow, ...]:
    reading = kimi_code.read(json.dumps(answer).encode(), NOW)
    assert isinstance(reading, Quota)
    return reading.windows


def test_reads_counts_that_are_texts() -> None:
    week, hours = windows(quota_answers.kimi(NOW, used=25, week=50))
    assert hours == QuotaWindow("5 h", 0.25, NOW + HOUR)
    assert week == QuotaWindow("week", 0.5, NOW + WEEK)


def test_reads_ratios() -> None:
    usages = {
        "limit_5h": {"used_ratio": 0.25, "reset_time": rfc3339(NOW + HOUR)},
        "limit_7d": {"used_ratio": "1.2", "reset_time": str(NOW + WEEK)},
        "limit_month_total": {"used_ratio": 0.5},
        "limit_month_code": {"used_ratio": 0},
        "limit_of_another_kind": {"used_ratio": 1},
    }
    assert windows({"usages": usages}) == (
        QuotaWindow("5 h", 0.25, NOW + HOUR),
        QuotaWindow("week", 1.0, NOW + WEEK, blocks=True),
        QuotaWindow("month", 0.5),
        QuotaWindow("month (code)", 0.0),
    )


@pytest.mark.parametrize(("counted", "ratio"), [(100, 0.0), (0, 1.0)])
def test_the_worse_of_both_views_counts(counted: int, ratio: float) -> None:
    both = {**quota_answers.kimi(NOW, counted), **quota_answers.kimi_ratios(NOW, ratio)}
    assert windows(both)[1] == QuotaWindow("5 h", 1.0, NOW + HOUR, blocks=True)


def test_of_what_is_used_and_what_remains_the_worse_counts() -> None:
    detail = {"limit": "100", "used": "10", "remaining": "25"}
    assert windows({"usage": detail}) == (QuotaWindow("week", 0.75),)


@pytest.mark.parametrize(
    ("length", "name"),
    [
        ({"duration": 300, "timeUnit": "TIME_UNIT_MINUTE"}, "5 h"),
        ({"duration": "90", "timeUnit": "MINUTE"}, "90 min"),
        ({"duration": 1, "timeUnit": "time_unit_day"}, "day"),
        ({"duration": 30, "timeUnit": "TIME_UNIT_DAY"}, "month"),
        ({"duration": 5, "timeUnit": "TIME_UNIT_CENTURY"}, None),
        ({"duration": 1e9, "timeUnit": "TIME_UNIT_DAY"}, None),
        ({"duration": 0, "timeUnit": "TIME_UNIT_DAY"}, None),
        ({"timeUnit": "TIME_UNIT_DAY"}, None),
        ({}, None),
    ],
)
def test_a_window_is_named_by_its_length_and_left_out_without_one(length: dict[str, Any], name: str | None) -> None:
    answer = {"limits": [{"window": length, "detail": {"limit": 10, "used": 1}}]}
    assert [window.name for window in windows(answer)] == ([name] if name else [])


@pytest.mark.parametrize("detail", [{}, {"limit": "0", "used": "0"}, {"limit": "-1", "remaining": 1}, {"used": 3}])
def test_counts_that_make_no_sense_are_left_out(detail: dict[str, Any]) -> None:
    assert windows({"usage": detail}) == ()


def test_what_is_no_object_is_not_understood() -> None:
    assert kimi_code.read(b"3", NOW) == NOT_READABLE
