from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.core.reset_time import MAX_AHEAD, told_return

NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z, 16:00 in China
IN_CHINA = 8.0
HOUR = 3600.0


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        # a date in the provider's own zone, unless it names one
        ("Your limit will reset at 2027-01-15 18:00:00", 2 * HOUR),
        ("[1308][Usage limit reached for 5 hour. Your limit will reset at 2027-01-15 18:00:00][id]", 2 * HOUR),
        ("已达到 5 小时的使用上限。您的限额将在 2027-01-15 18:00:00 重置。", 2 * HOUR),
        ("resets at 2027-01-15T10:00:00Z (2056)", 2 * HOUR),
        ("resets at 2027-01-15T10:00:00.123Z", 2 * HOUR),
        ("resets at 2027-01-15 10:00 UTC", 2 * HOUR),
        ("resets at 2027-01-15 10:00:00 GMT", 2 * HOUR),
        ("resets at 2027-01-15 12:00:00+02:00", 2 * HOUR),
        ("resets at 2027-01-15 12:00:00 +0200", 2 * HOUR),
        ("resets at 2027-01-15 04:30:00-05:30", 2 * HOUR),
        ("resets at 2027-01-15 18:00:00+08", 2 * HOUR),
        ("resets at 2027-01-15 18:00:00 (UTC+8)", 2 * HOUR),
        ("resets at 2027/01/15 18:00", 2 * HOUR),
        ("Your access is restored at 2027-01-15 18:00", 2 * HOUR),
        ("You will regain access on 2027-02-01 at 00:00 UTC.", 17 * 24 * HOUR - 8 * HOUR),
        # the first one ahead
        ("Your plan was renewed on 2026-12-15 18:00:00. It resets on 2027-01-15 18:00:00", 2 * HOUR),
        ("It resets at 2027-13-45 99:00:00 or at 2027-01-15 18:00:00", 2 * HOUR),
        # a duration
        ("Please try again in 20s", 20),
        ("please try again after 1 seconds", 1),
        ("Try again in 2 hours", 2 * HOUR),
        ("Try again in 3 hours, 17 minutes, 52 seconds.", 3 * HOUR + 17 * 60 + 52),
        ("Try again in 2 hours and 5 minutes.", 2 * HOUR + 300),
        ("retry after 35 minutes", 35 * 60),
        ("Retry after: 35s", 35),
        ("please try again in 6m0.5s.", 360.5),
        ("try again in 1500ms", 1.5),
        ("try again in 1500 milliseconds", 1.5),
        ("resets in about 2d", 48 * HOUR),
        ("Please wait 90 secs", 90),
        ("available in 1 day", 24 * HOUR),
        ("请在 30 秒后重试", 30),
        ("请5分钟之后再试", 300),
        ("2 小时后恢复", 2 * HOUR),
        # seconds since the epoch
        ("Claude AI usage limit reached|1800007200", 2 * HOUR),
        ("resets_at: 1800007200", 2 * HOUR),
        ('"X-RateLimit-Reset": "1800007200000"', 2 * HOUR),
        # a date counts before a duration
        ("try again in 5 minutes, or when it resets at 2027-01-15 18:00:00", 2 * HOUR),
    ],
)
def test_a_reset_is_read(words: str, seconds: float) -> None:
    assert told_return(words, NOW, IN_CHINA) == NOW + seconds


@pytest.mark.parametrize(
    "words",
    [
        "reset at {}",
        "retry at {}",
        "ask again at {}",
        "available from {}",
        "no requests until {}",
        "refreshed at {}",
        "renewed at {}",
        "regained at {}",
        "resumes at {}",
        "在 {} 重置",
        "在 {} 恢复",
        "在 {} 重试",
        "在 {} 再试",
    ],
)
def test_a_date_counts_where_a_word_makes_it_one_of_a_return(words: str) -> None:
    assert told_return(words.format("2027-01-15 18:00:00"), NOW, IN_CHINA) == NOW + 2 * HOUR


@pytest.mark.parametrize(
    "words",
    [
        "",
        "try again later",
        "try again in a while",
        "Usage limit reached for 5 hours",
        "You may send 50 requests in 5 hours; try again later",
        "your plan expires on 2027-01-15 18:00:00",
        "resets at 2026-11-22 18:00:00",
        "resets at 2027-01-15 16:00:00",
        "resets at 2027-02-30 16:00:00",
        "resets at 2099-01-01 00:00:00",
        "resets at 0000-01-01 00:00:00",
        "resets at 2027-01-15 18:00:00 +99:00",
        "try again in 999 days",
        "try again in 0 s",
        "try again in 9999999999 s",
        "limit reached|1700000000",
        "limit reached|18000072000",
        "try again in 20 sheep",
        "x" * 1000 + " try again in 20 s",
    ],
)
def test_what_names_no_moment_ahead_is_none(words: str) -> None:
    assert told_return(words, NOW, IN_CHINA) is None


def test_without_a_zone_it_is_utc_unless_the_provider_is_known_for_another() -> None:
    words = "resets at 2027-01-15 18:00:00"
    assert told_return(words, NOW) == NOW + 10 * HOUR
    assert told_return(words, NOW, -3.5) == NOW + 13.5 * HOUR


@given(st.text(alphabet="0123456789 -:/T.+Z()|UTCGMresttryagainhmsd秒后", max_size=60), st.floats(-12, 14))
def test_no_words_break_it_and_none_lead_far(words: str, offset: float) -> None:
    moment = told_return(f"reset try again in {words}", NOW, offset)
    assert moment is None or NOW < moment <= NOW + MAX_AHEAD


@given(st.integers(0, 9999), st.integers(0, 99), st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
def test_no_date_breaks_it(year: int, month: int, day: int, hour: int, east: int) -> None:
    told_return(f"resets at {year:04}-{month:02}-{day:02} {hour:02}:00:00+{east:02}:99", NOW, IN_CHINA)
