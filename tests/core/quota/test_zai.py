"""The plans of Z.ai and Zhipu."""

from __future__ import annotations

import json
from typing import Any

import pytest

from claude_proxy.core.quota import zai
from claude_proxy.core.quota.quota_report import QuotaWindow
from claude_proxy.core.quota.reading import NOT_READABLE, NoQuota, Quota, Reading
from core.builders import NOW
from fakes import quota_answers
from fakes.quota_answers import HOUR, WEEK


def read(answer: object) -> Reading:
    return zai.read(json.dumps(answer).encode(), NOW)


def limit(**changes: Any) -> dict[str, Any]:
    """Return an answer with one limit: 5 hours, of which 42 % are used."""
    only = {"type": "TOKENS_LIMIT", "unit": 3, "number": 5, "percentage": 42, **changes}
    return {"code": 200, "success": True, "data": {"limits": [{k: v for k, v in only.items() if v is not None}]}}


def windows(answer: object) -> tuple[QuotaWindow, ...]:
    reading = read(answer)
    assert isinstance(reading, Quota)
    return reading.windows


@pytest.mark.parametrize("kind", ["TOKENS_LIMIT", "CREDIT_LIMIT", "tokens_limit"])
def test_reads_the_windows_of_tokens_or_credits(kind: str) -> None:
    tools, hours, week = windows(quota_answers.zai(NOW, kind=kind))
    assert hours == QuotaWindow("5 h", 0.42, NOW + HOUR)
    assert week == QuotaWindow("week", 0.07, NOW + WEEK)
    assert tools == QuotaWindow("tools a month", 1.0, None)


def test_tools_that_are_used_up_block_nothing() -> None:
    assert not any(window.blocks for window in windows(quota_answers.zai(NOW)))


def test_a_window_at_100_percent_blocks() -> None:
    assert windows(limit(percentage=100, remaining=0))[0].blocks
    assert windows(limit(percentage=100))[0].blocks
    assert windows(limit(percentage=104.5)) == (QuotaWindow("5 h", 1.0, None, blocks=True),)


def test_a_rounded_100_percent_of_which_something_remains_blocks_nothing() -> None:
    assert windows(limit(percentage=100, remaining=3)) == (QuotaWindow("5 h", 1.0),)


@pytest.mark.parametrize("reset", [quota_answers.ms(NOW + 60), str(quota_answers.ms(NOW + 60)), NOW + 60])
def test_a_reset_can_be_a_number_or_a_text_in_milliseconds_or_seconds(reset: object) -> None:
    assert windows(limit(nextResetTime=reset))[0].resets_at == NOW + 60


@pytest.mark.parametrize("reset", [None, "", "soon", 0, -1, 1e30, True, [1]])
def test_a_reset_that_makes_no_sense_is_left_out(reset: object) -> None:
    assert windows(limit(nextResetTime=reset)) == (QuotaWindow("5 h", 0.42),)


def test_without_a_percentage_the_counts_are_read() -> None:
    assert windows(limit(percentage=None, usage="200", currentValue="50", remaining="150"))[0].used == 0.25
    assert windows(limit(percentage=None, usage=200, remaining=20))[0].used == 0.9


@pytest.mark.parametrize(
    "changes",
    [
        {"percentage": None},
        {"percentage": "NaN"},
        {"percentage": -3},
        {"percentage": True},
        {"unit": 1},
        {"unit": None},
        {"unit": 5, "number": 3},
        {"number": "five"},
        {"number": -5},
        {"type": "OTHER_LIMIT"},
        {"type": None},
    ],
)
def test_a_limit_that_is_not_understood_is_left_out(changes: dict[str, Any]) -> None:
    expected = (QuotaWindow("5 h", 0.42),) if changes == {"number": "five"} else ()
    assert windows(limit(**changes)) == expected


def test_the_lengths_of_windows_are_named() -> None:
    assert windows(limit(unit=3, number=None))[0].name == "5 h"
    assert windows(limit(unit=6, number=None))[0].name == "week"
    assert windows(limit(unit=6, number=2))[0].name == "14 days"
    assert windows(limit(unit=5, number=1))[0].name == "month"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"code": 1001, "msg": "key-of-someone", "success": False}, "it answered 1001"),
        ({"code": "401", "msg": "no"}, "it answered 401"),
        ({"code": 200, "success": False}, "it answered 200"),
        ({"code": "<b>no</b>" * 9}, "it answered an error"),
        ({"success": "true"}, "it answered an error"),
    ],
)
def test_an_error_behind_a_200_is_no_quota_and_its_words_are_not_shown(answer: object, reason: str) -> None:
    assert read(answer) == NoQuota(reason)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"<html>", b'{"code":', b"\xff", b"[" * 9999])
def test_what_is_no_object_is_not_understood(body: bytes) -> None:
    assert zai.read(body, NOW) == NOT_READABLE


def test_an_answer_without_limits_has_no_windows() -> None:
    for data in (b"{}", b'{"limits": {}}', b'{"limits": [1, null]}', b"null"):
        assert zai.read(b'{"code": 200, "data": %b}' % data, NOW) == Quota()
