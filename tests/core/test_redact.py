from __future__ import annotations

import pytest

from claude_proxy.core.text import MASK, redacted

KEY = "sk-4f9d1c7a2b8e3b6d5f0a"


def test_a_key_is_replaced_wherever_it_stands() -> None:
    assert redacted(f"{KEY} or {KEY}, not {KEY}", KEY, 300) == f"{MASK} or {MASK}, not {MASK}"


@pytest.mark.parametrize("before", range(30))
def test_a_key_is_not_cut_in_two(before: int) -> None:
    text = redacted("x" * before + KEY + " is wrong", KEY, 30)
    assert text == f"{'x' * before}{MASK} is wrong"[:30]


@pytest.mark.parametrize("cut", range(8, len(KEY)))
def test_a_key_that_was_cut_before_is_replaced(cut: int) -> None:
    assert redacted(f"wrong: {KEY[:cut]}", KEY, 300) == f"wrong: {MASK}"


def test_what_only_begins_like_a_key_stays() -> None:
    assert redacted("keys begin with sk-4f", KEY, 300) == "keys begin with sk-4f"


def test_without_a_key_a_text_is_cut_only() -> None:
    assert redacted("words", "", 4) == "word"
