"""The values of a quota."""

from __future__ import annotations

from claude_proxy.core.quota.quota_report import QuotaReport, QuotaWindow


def test_the_fullest_window_is_the_one_of_a_plan_that_is_used_most() -> None:
    week, minute = QuotaWindow("week", 0.6), QuotaWindow("tokens a minute", 0.9, is_pace=True)
    assert QuotaReport((QuotaWindow("5 h", 0.2), week, minute)).fullest == week


def test_without_a_window_none_is_the_fullest() -> None:
    assert QuotaReport().fullest is None
