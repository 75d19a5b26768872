from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.core.retry_after import named_return

NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z

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
    assert named_return(((b"retry-after", value),), NOW) == NOW + seconds


@pytest.mark.parametrize(
    "value",
    [b"", b"soon", b"-5", b"1e9", b"9" * 14, b"inf", b"nan", b"\xb2", b"1 Jan " + b"9" * 20 + b" 08:00:45", b"\xff"],
)
def test_what_names_no_time_counts_for_nothing(value: bytes) -> None:
    assert named_return(((b"retry-after", value),), NOW) is None


@given(shapes, shapes)
def test_no_value_whatever_breaks_it(after: str, reset: str) -> None:
    headers = ((b"retry-after", after.encode("latin-1")), (b"anthropic-ratelimit-x-reset", reset.encode("latin-1")))
    moment = named_return(headers, NOW)
    assert moment is None or moment == moment  # noqa: PLR0124 - that is, not NaN


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of a process cannot be set on this system")
def test_a_date_without_a_zone_is_utc_wherever_the_machine_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "XXX-9")
        time.tzset()
        assert named_return(((b"retry-after", b"2027-01-15T08:00:45"),), NOW) == NOW + 45
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
def test_of_a_plan_the_window_that_rejects_counts(headers: list[tuple[bytes, bytes]], seconds: float | None) -> None:
    assert named_return(tuple(headers), NOW) == (None if seconds is None else NOW + seconds)


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
def test_the_reset_of_a_spent_limit_counts_where_there_is_no_retry_after(
    headers: tuple[tuple[bytes, bytes], ...], seconds: float | None
) -> None:
    assert named_return(headers, NOW) == (None if seconds is None else NOW + seconds)
