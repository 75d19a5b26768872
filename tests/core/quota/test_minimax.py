"""The plans of MiniMax."""

from __future__ import annotations

import json
from typing import Any

import pytest

from claude_proxy.core.quota import minimax
from claude_proxy.core.quota.quota_report import QuotaWindow
from claude_proxy.core.quota.reading import NOT_READABLE, NoQuota, Quota
from core.builders import NOW
from fakes import quota_answers
from fakes.quota_answers import HOUR, WEEK, ms


def windows(answer: object) -> tuple[QuotaWindow, ...]:
    reading = minimax.read(json.dumps(answer).encode(), NOW)
    assert isinstance(reading, Quota)
    return reading.windows


def changed(**changes: Any) -> tuple[QuotaWindow, ...]:
    return windows(quota_answers.minimax(NOW, **changes))


def test_percentages_say_what_remains_and_only_text_counts() -> None:
    five_hours, week = changed(remaining=58, weekly=90)
    assert (five_hours.name, round(five_hours.used, 9), five_hours.resets_at) == ("5 h", 0.42, NOW + HOUR)
    assert (week.name, round(week.used, 9), week.resets_at) == ("week", 0.1, NOW + WEEK - HOUR)


def test_the_counts_mean_different_things_on_two_hosts_and_are_not_read() -> None:
    counts = {"current_interval_total_count": 1500, "current_interval_usage_count": 1500}
    assert changed(current_interval_remaining_percent=None, current_weekly_status=0, **counts) == ()


def test_nothing_left_blocks() -> None:
    assert changed(remaining=0, weekly=90)[0] == QuotaWindow("5 h", 1.0, NOW + HOUR, blocks=True)
    assert [window.blocks for window in changed(remaining="0.5")] == [False, False]


@pytest.mark.parametrize("status", [0, 2, 3, None, "x"])
def test_a_plan_without_a_limit_for_the_week_has_no_such_window(status: object) -> None:
    assert [window.name for window in changed(weekly=0, current_weekly_status=status)] == ["5 h"]


def test_a_window_is_named_by_its_length() -> None:
    assert changed(start_time=ms(NOW - 23 * HOUR))[0].name == "day"
    assert changed(start_time=None)[0].name == "5 h"
    assert (changed(end_time=None)[0].name, changed(end_time=None)[0].resets_at) == ("5 h", None)
    assert [window.name for window in changed(start_time=ms(NOW + 2 * HOUR))] == ["week"]


@pytest.mark.parametrize(
    ("remaining", "used"), [(120, 0.0), (-5, 1.0), ("25%", None), (None, None), (True, None), ("NaN", None)]
)
def test_percentages_beyond_the_whole_are_cut_and_others_left_out(remaining: Any, used: float | None) -> None:
    expected = [] if used is None else [used]
    assert [window.used for window in changed(remaining=remaining, current_weekly_status=3)] == expected


def test_of_two_buckets_for_text_the_fuller_one_counts() -> None:
    answer = quota_answers.minimax(NOW, 80)
    answer["model_remains"].append({**answer["model_remains"][-1], "model_name": "MiniMax-M*"})
    answer["model_remains"][-1]["current_interval_remaining_percent"] = 10
    assert [window.used for window in windows(answer)] == [pytest.approx(0.9), pytest.approx(0.1)]


@pytest.mark.parametrize("name", ["", None, "video", "speech-02", "image-01", "MiniMax-Music", ["general"]])
def test_buckets_that_are_not_for_text_are_left_out(name: object) -> None:
    assert changed(model_name=name) == ()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (1004, "it refused the key"),
        ("2049", "it refused the key"),
        (1002, "it answered 1002"),
        ("", "it answered an error"),
    ],
)
def test_an_error_behind_a_200_is_no_quota_and_its_words_are_not_shown(code: object, reason: str) -> None:
    answer = {"base_resp": {"status_code": code, "status_msg": "invalid key key-of-minimax"}}
    assert minimax.read(json.dumps(answer).encode(), NOW) == NoQuota(reason)


def test_what_is_no_object_is_not_understood() -> None:
    assert minimax.read(b"[1]", NOW) == NOT_READABLE
