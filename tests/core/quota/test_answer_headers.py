"""What the heads of Anthropic's answers say of limits."""

from __future__ import annotations

import pytest

from claude_proxy.core.quota.answer_headers import MAX_FIELDS, read_headers
from claude_proxy.core.quota.quota_report import QuotaWindow
from claude_proxy.core.types import Headers
from core.builders import NOW
from fakes import quota_answers
from fakes.quota_answers import HOUR, WEEK


def wire(fields: dict[str, str]) -> Headers:
    return ((b"content-type", b"x"), *[(name.encode(), value.encode()) for name, value in fields.items()])


def windows(fields: dict[str, str]) -> tuple[QuotaWindow, ...]:
    quota = read_headers(wire(fields), NOW)
    return quota.windows if quota else ()


def test_reads_the_windows_of_a_plan() -> None:
    assert windows(quota_answers.unified(NOW, "0.42", "0.8", opus="1.0")) == (
        QuotaWindow("5 h", 0.42, NOW + HOUR),
        QuotaWindow("week", 0.8, NOW + WEEK),
        QuotaWindow("week (opus)", 1.0, NOW + WEEK),
    )


def test_a_window_that_is_full_blocks() -> None:
    hours, week = windows(quota_answers.unified(NOW, "1.02", "1"))
    assert (hours.used, hours.blocks, week.blocks) == (1.0, True, True)


@pytest.mark.parametrize("overage", ["allowed", "allowed_warning"])
def test_a_plan_that_goes_on_beyond_its_limit_blocks_nothing(overage: str) -> None:
    assert not any(window.blocks for window in windows(quota_answers.unified(NOW, "1", "1", overage=overage)))


def test_two_names_of_one_window_are_one_window() -> None:
    prefix = "anthropic-ratelimit-unified"
    fields = {**quota_answers.unified(NOW, "0.42", "0.8"), f"{prefix}-168h-utilization": "0.9"}
    assert [(each.name, each.used) for each in windows(fields)] == [("5 h", 0.42), ("week", 0.9)]


@pytest.mark.parametrize("utilization", ["82", "NaN", "-0.1", "", "0.4.2", "1e99"])
def test_what_is_no_fraction_is_left_out(utilization: str) -> None:
    assert [window.name for window in windows(quota_answers.unified(NOW, utilization))] == ["week"]


def test_a_window_without_a_reset_has_none() -> None:
    assert windows({"anthropic-ratelimit-unified-5h-utilization": "0.5"}) == (QuotaWindow("5 h", 0.5),)


@pytest.mark.parametrize("name", ["5m", "0h", "900d", "7d_" + "x" * 99, "7d_<b>", "5h_", ""])
def test_a_window_of_an_unknown_kind_is_left_out(name: str) -> None:
    assert windows({f"anthropic-ratelimit-unified-{name}-utilization": "0.5"}) == ()


def test_reads_the_limits_of_a_key_as_a_pace() -> None:
    (pace,) = windows(quota_answers.token_limits(NOW, "12500"))
    assert pace == QuotaWindow("input tokens a minute", 0.75, NOW + 30, is_pace=True)
    assert not windows(quota_answers.token_limits(NOW, "0"))[0].blocks
    assert windows(quota_answers.token_limits(NOW, "many")) == ()


def test_a_head_without_limits_says_nothing() -> None:
    assert read_headers(wire({}), NOW) is None
    assert read_headers(wire({"anthropic-ratelimit-unified-overage-reset": "1"}), NOW) is None


def test_only_so_many_fields_are_read() -> None:
    many = {f"anthropic-ratelimit-{number}": "1" for number in range(MAX_FIELDS)}
    assert windows({**many, **quota_answers.unified(NOW)}) == ()
