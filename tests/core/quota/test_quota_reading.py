"""Numbers, moments and names that are read leniently."""

from __future__ import annotations

import pytest

from claude_proxy.core.quota import reading
from claude_proxy.core.quota.quota_report import QuotaWindow
from claude_proxy.core.quota.reading import DAY, HOUR, MAX_ANSWER
from core.builders import NOW
from fakes.quota_answers import rfc3339


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3.0),
        (" 4.5 ", 4.5),
        ("-2e3", -2000.0),
        (True, None),
        (None, None),
        ("1_000", None),
        ("inf", None),
        (float("inf"), None),
        (10**400, None),
        ("9" * 5000, None),
        ("٣", None),
        ([1], None),
    ],
)
def test_a_number_may_stand_in_a_text(value: object, expected: float | None) -> None:
    assert reading.number(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (NOW + 5, NOW + 5),
        (1000 * (NOW + 5), NOW + 5),
        (rfc3339(NOW + 5), NOW + 5),
        (rfc3339(NOW + 5).replace("Z", ""), NOW + 5),
        ("0001-01-01T00:00:00+23:59", None),
        ("9999-12-31T23:59:59-23:59", None),
        ("x" * 5000, None),
        (NOW + 500 * DAY, None),
        (1, None),
        (None, None),
    ],
)
def test_a_moment_has_many_forms(value: object, expected: float | None) -> None:
    assert reading.moment(value, NOW) == expected


@pytest.mark.parametrize(
    ("seconds", "name"),
    [
        (90 * 60.0, "90 min"),
        (5 * HOUR, "5 h"),
        (DAY, "day"),
        (7 * DAY, "week"),
        (30 * DAY, "month"),
        (3 * DAY, "3 days"),
    ],
)
def test_a_window_is_named_by_its_length(seconds: float, name: str) -> None:
    assert reading.span(seconds) == name


@pytest.mark.parametrize("seconds", [None, 0.0, -5.0, 59.0, 500 * DAY, float("nan")])
def test_a_length_that_makes_no_sense_has_no_name(seconds: float | None) -> None:
    assert reading.span(seconds) == ""


def test_of_windows_with_one_name_the_fuller_counts_then_the_later_reset() -> None:
    unknown, early, late = (QuotaWindow("5 h", 0.5, at) for at in (None, NOW, NOW + 1))
    assert reading.worst([early, unknown, late]) == (late,)
    assert reading.worst([late, QuotaWindow("5 h", 0.6), early]) == (QuotaWindow("5 h", 0.6),)


def test_a_window_without_a_name_or_a_share_is_none() -> None:
    assert reading.window("", 0.5, None) == reading.window("5 h", None, None) == ()


def test_an_answer_that_is_large_or_dense_is_not_read() -> None:
    assert reading.document(b'{"a": "' + b"x" * MAX_ANSWER + b'"}') is None
    assert reading.document(b'{"a": [' + b"1," * (MAX_ANSWER // 2 - 10) + b"1]}") is not None


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        (1001, "1001"),
        ("sk_1234", "an error"),
        ("-3", "-3"),
        (10**400, "an error"),
        (True, "an error"),
        (None, "an error"),
    ],
)
def test_of_an_error_only_a_code_that_is_a_number_is_shown(code: object, shown: str) -> None:
    assert reading.error_code(code) == shown
