from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.core.text import encodable, printable, with_program, word


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("overloaded", "overloaded"),
        ("two\nlines\r\nand a\ttab", "two lines and a tab"),
        ("\x1b[31mred\x1b[0m", "?[31mred?[0m"),
        ("left\u202eright", "left?right"),
        ("\u2028", ""),
        ("größer", "größer"),
    ],
)
def test_what_a_terminal_would_act_on_is_gone(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_name_that_is_not_utf_8_can_be_encoded() -> None:
    assert encodable("größer \udcff") == "größer ?"


def test_a_long_text_is_cut_and_says_so() -> None:
    assert printable("abcdefghij", 8) == "abcde..."
    assert printable("abcdefgh", 8) == "abcdefgh"


@given(st.text(), st.integers(min_value=4, max_value=50))
def test_any_text_becomes_one_short_line(text: str, limit: int) -> None:
    shown = printable(text, limit)
    assert len(shown) <= limit
    assert shown.isprintable()


@given(st.text())
def test_any_text_becomes_one_word_that_starts_no_other_value(text: str) -> None:
    made = word(text)
    assert made
    assert not set(made) & set(" =,\"'\n")


def test_an_empty_word_is_a_dash() -> None:
    assert word("") == "-"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Type `claude-proxy providers --all`.", "Type `python3 proxy.py providers --all`."),
        ("claude-proxy run -- claude", "python3 proxy.py run -- claude"),
        ("in ~/.claude-proxy or /opt/claude-proxy x", "in ~/.claude-proxy or /opt/claude-proxy x"),
        ("the claude-proxy: it", "the claude-proxy: it"),
    ],
)
def test_names_a_command_as_the_user_calls_it(text: str, shown: str) -> None:
    assert with_program(text, "python3 proxy.py") == shown
