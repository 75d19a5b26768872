from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.core.amounts import (
    dollars_of,
    short_count,
    short_dollars,
    short_duration,
    short_share,
    spent_in_words,
)
from claude_proxy.core.status_report import Spent
from claude_proxy.core.usage_totals import Sum
from core.builders import SPENT_IN_WORDS


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0"),
        (987, "987"),
        (999, "999"),
        (1000, "1.0k"),
        (1249, "1.2k"),
        (9949, "9.9k"),
        (9950, "10k"),
        (12_345, "12k"),
        (999_499, "999k"),
        (999_500, "1.0M"),
        (1_234_567, "1.2M"),
        (4_499_590_599, "4.5B"),
    ],
)
def test_a_count_is_short(count: int, shown: str) -> None:
    assert short_count(count) == shown


@given(st.integers(0, 999_000_000_000))
def test_no_count_is_longer_than_four_characters(count: int) -> None:
    assert len(short_count(count)) <= 4


@pytest.mark.parametrize(
    ("dollars", "shown"),
    [
        (0.0, "$0"),
        (-0.0, "$0"),
        (-0.0001, "$0"),
        (0.00001, "<$0.001"),
        (0.0005, "$0.001"),
        (0.0031, "$0.003"),
        (0.0994, "$0.099"),
        (0.0995, "$0.10"),
        (1.239, "$1.24"),
        (999.99, "$999.99"),
        (1240.4, "$1,240"),
        (99_999.4, "$99,999"),
        (99_999.6, "$100k"),
        (-18_000_000.0, "-$18M"),
        (-1.2, "-$1.20"),
    ],
)
def test_money_shows_parts_of_a_cent_only_if_they_matter(dollars: float, shown: str) -> None:
    assert short_dollars(dollars) == shown


@pytest.mark.parametrize(
    ("amount", "shown"), [(Sum(1.24), "$1.24"), (Sum(1.2, 3), "at least $1.20"), (Sum(0.0, 3), "?"), (Sum(), "$0")]
)
def test_a_sum_with_an_unknown_part_says_so(amount: Sum, shown: str) -> None:
    assert dollars_of(amount) == shown


@pytest.mark.parametrize(
    ("share", "shown"),
    [(None, "-"), (0.0, "0 %"), (0.001, "1 %"), (0.5, "50 %"), (0.9999, "99 %"), (1.0, "100 %")],
)
def test_a_share_is_whole_or_nothing_only_if_it_is(share: float | None, shown: str) -> None:
    assert short_share(share) == shown


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [
        (0.0, "0.0 s"),
        (640.0, "0.6 s"),
        (9949.0, "9.9 s"),
        (9951.0, "10 s"),
        (59_400.0, "59 s"),
        (125_000.0, "2 min 5 s"),
    ],
)
def test_a_duration_is_short(milliseconds: float, shown: str) -> None:
    assert short_duration(milliseconds) == shown


@pytest.mark.parametrize(("spent", "words"), SPENT_IN_WORDS)
def test_what_is_not_known_of_a_cost_is_never_zero(spent: Spent, words: str) -> None:
    assert spent_in_words(spent) == words
