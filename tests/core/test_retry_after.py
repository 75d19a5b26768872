from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.core.retry_after import MAX_AHEAD, time_in_headers, time_in_words

NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z, 16:00 in China

shapes = st.text(alphabet="0123456789 :,.+-/TZGMJanFebMoe()\x00é²", max_size=30)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"30", 30),
        (b" 30 ", 30),
        (b"0", 0),
        (b"1.2", 2),
        (b"2.", 2),
        (b"Fri, 15 Jan 2027 08:00:45 GMT", 45),
        (b"Fri, 15 Jan 2027 08:00:45 -0000", 45),
        (b"Fri, 15 Jan 2027 09:00:45 +0100", 45),
        (b"Friday, 15-Jan-27 08:00:45 GMT", 45),
        (b"Fri, 15 Jan 2027 07:59:00 GMT", -60),
        (b"2027-01-15T08:00:45Z", 45),
        (b"2027-01-15T08:00:45", 45),
        (b"2027-01-15T09:00:45.5+01:00", 45.5),
        (b"99999999", 99_999_999),
        pytest.param(b"1800000045", 45, id="since the epoch"),
        pytest.param(b"1800000045500", 45.5, id="since the epoch, in milliseconds"),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: bytes, seconds: float) -> None:
    assert time_in_headers(((b"retry-after", value),), NOW) == NOW + seconds


@pytest.mark.parametrize(
    "value",
    [b"", b"soon", b"-5", b"1e9", b"9" * 14, b"inf", b"nan", b"\xb2", b"1 Jan " + b"9" * 20 + b" 08:00:45", b"\xff"],
)
def test_a_header_that_names_no_time_is_ignored(value: bytes) -> None:
    assert time_in_headers(((b"retry-after", value),), NOW) is None


@given(shapes, shapes)
def test_no_value_of_a_header_breaks_it(after: str, reset: str) -> None:
    headers = ((b"retry-after", after.encode("latin-1")), (b"anthropic-ratelimit-x-reset", reset.encode("latin-1")))
    moment = time_in_headers(headers, NOW)
    assert moment is None or moment == moment  # noqa: PLR0124 - that is, not NaN


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of a process cannot be set on this system")
def test_a_date_in_a_header_without_a_zone_is_utc_whatever_the_zone_of_the_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "XXX-9")
        time.tzset()
        assert time_in_headers(((b"retry-after", b"2027-01-15T08:00:45"),), NOW) == NOW + 45
    time.tzset()


def plan(status: str | None = None, reset: int | None = None, **windows: tuple[str, int]) -> list[tuple[bytes, bytes]]:
    """Return the headers of a plan: its status and reset, and those of each window."""
    pairs = [] if status is None else [("status", status)]
    pairs += [] if reset is None else [("reset", str(int(NOW) + reset))]
    for name, (window_status, seconds) in windows.items():
        window = name.removeprefix("_")
        pairs += [(f"{window}-status", window_status), (f"{window}-reset", str(int(NOW) + seconds))]
    return [(f"anthropic-ratelimit-unified-{name}".encode(), value.encode()) for name, value in pairs]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param(plan("rejected", 7200), 7200, id="the plan's own"),
        pytest.param(plan(None, 7200), 7200, id="the plan's own, without a status"),
        pytest.param([(b"anthropic-ratelimit-unified-reset", b"1800000045000")], 45, id="in milliseconds"),
        pytest.param(plan("allowed", 7200), None, id="a plan that allows"),
        pytest.param(plan("allowed_warning", 7200), None, id="a plan that warns"),
        pytest.param(plan("rejected", 9, _5h=("rejected", 60), _7d=("allowed", 900)), 60, id="the window that rejects"),
        pytest.param(plan("rejected", 9, _5h=("allowed", 60), _7d=("rejected", 900)), 900, id="the other window"),
        pytest.param(plan("rejected", 9, _5h=("rejected", 60), _7d=("rejected", 900)), 900, id="both: the later"),
        pytest.param(plan("rejected", 9, _5h=("allowed", 60), _7d=("allowed_warning", 900)), 9, id="none rejects"),
        pytest.param(plan("rejected", 9, overage=("rejected", 9999)), 9, id="what is bought beyond a plan"),
        pytest.param(plan("rejected", -5, _5h=("rejected", -5)), None, id="over"),
        pytest.param([*plan("rejected", 9), (b"retry-after", b"5")], 5, id="retry-after counts first"),
        pytest.param(
            [*plan("allowed", 9), (b"anthropic-ratelimit-tokens-reset", b"1800000045")], 45, id="another limit"
        ),
        pytest.param([(b"anthropic-ratelimit-unified-5h-remaining", b"0")], None, id="no reset"),
    ],
)
def test_the_window_of_a_plan_that_rejects_counts(headers: list[tuple[bytes, bytes]], seconds: float | None) -> None:
    assert time_in_headers(tuple(headers), NOW) == (None if seconds is None else NOW + seconds)


def limits(**seconds: tuple[int | None, int | None]) -> tuple[tuple[bytes, bytes], ...]:
    """Return the headers of rate limits: name to (remaining, seconds to the reset)."""
    pairs = list[tuple[bytes, bytes]]()
    for name, (remaining, reset) in seconds.items():
        if remaining is not None:
            pairs.append((f"anthropic-ratelimit-{name}-remaining".encode(), b" %d" % remaining))
        if reset is not None:
            pairs.append((f"anthropic-ratelimit-{name}-reset".encode(), b"%d" % (NOW + reset)))
    return tuple(pairs)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param(limits(a=(None, 60), b=(None, 30)), 30, id="unknown which: the earliest"),
        pytest.param(limits(a=(0, 60), b=(5, 30)), 60, id="the one that is spent"),
        pytest.param(limits(a=(5, 60), b=(0, 30)), 30, id="the one that is spent, though another is later"),
        pytest.param(limits(a=(0, 60), b=(0, 90), c=(5, 120)), 90, id="two are spent: the latest of them"),
        pytest.param(limits(a=(0, None), b=(5, 30)), None, id="the one that is spent names no time"),
        pytest.param(limits(a=(5, 30), b=(None, 60)), 60, id="one that has some left does not count"),
        pytest.param(limits(a=(None, -1), b=(None, 30)), 30, id="one that has passed does not count"),
        pytest.param(limits(a=(0, 0)), None, id="nor does one that passes now"),
        pytest.param(limits(a=(0, None)), None, id="no reset at all"),
        pytest.param(((b"anthropic-ratelimit-a-reset", b"2027-01-15T08:00:45Z"),), 45, id="RFC 3339"),
        pytest.param(((b"anthropic-ratelimit-a-reset", b"soon"),), None, id="nonsense"),
        pytest.param(((b"x-ratelimit-a-reset", b"2027-01-15T08:00:45Z"),), None, id="somebody else's"),
        pytest.param(((b"x-anthropic-ratelimit-a-reset", b"1800000045"),), None, id="nearly Anthropic's"),
        pytest.param(((b"anthropic-ratelimit-a-reset-after", b"1800000045"),), None, id="nearly a reset"),
        pytest.param(((b"anthropic-ratelimit-a-limit", b"1800000045"),), None, id="no reset"),
        pytest.param((*limits(a=(0, 60)), (b"retry-after", b"5")), 5, id="retry-after counts first"),
        pytest.param((*limits(a=(0, 60)), (b"retry-after", b"soon")), 60, id="retry-after says nothing"),
    ],
)
def test_the_reset_of_a_spent_limit_counts_if_there_is_no_retry_after(
    headers: tuple[tuple[bytes, bytes], ...], seconds: float | None
) -> None:
    assert time_in_headers(headers, NOW) == (None if seconds is None else NOW + seconds)


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
        ("Please try again in 5\N{NO-BREAK SPACE}s.", 5),
        ("Try again in\N{NO-BREAK SPACE}2\N{NARROW NO-BREAK SPACE}hours", 2 * HOUR),
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
def test_a_reset_in_words_is_read(words: str, seconds: float) -> None:
    assert time_in_words(words, NOW, IN_CHINA) == NOW + seconds


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
def test_a_date_counts_if_a_word_makes_it_the_time_of_a_return(words: str) -> None:
    assert time_in_words(words.format("2027-01-15 18:00:00"), NOW, IN_CHINA) == NOW + 2 * HOUR


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
        "Please try again in 5 \N{LATIN SMALL LETTER LONG S}.",
        "Please try again in \N{ARABIC-INDIC DIGIT FIVE} s.",
        "resets at 2027-01-15 1\N{DEVANAGARI DIGIT EIGHT}:00:00",
        "x" * 1000 + " try again in 20 s",
    ],
)
def test_words_that_name_no_time_ahead_give_none(words: str) -> None:
    assert time_in_words(words, NOW, IN_CHINA) is None


def test_a_date_in_words_without_a_zone_is_utc_unless_the_provider_has_another() -> None:
    words = "resets at 2027-01-15 18:00:00"
    assert time_in_words(words, NOW) == NOW + 10 * HOUR
    assert time_in_words(words, NOW, -3.5) == NOW + 13.5 * HOUR


@given(
    st.text(alphabet="0123456789 -:/T.+Z()|UTCGMresttryagainhmsd秒后\u0131\u017f\u0665\u212a\u00b2", max_size=60),
    st.floats(-12, 14),
)
def test_no_words_break_it_and_none_lead_too_far_ahead(words: str, offset: float) -> None:
    moment = time_in_words(f"reset try again in {words}", NOW, offset)
    assert moment is None or NOW < moment <= NOW + MAX_AHEAD


@given(st.integers(0, 9999), st.integers(0, 99), st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
def test_no_date_in_words_breaks_it(year: int, month: int, day: int, hour: int, east: int) -> None:
    time_in_words(f"resets at {year:04}-{month:02}-{day:02} {hour:02}:00:00+{east:02}:99", NOW, IN_CHINA)
