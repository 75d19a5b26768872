from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.core.text import encodable, escape_controls, neutral, printable, with_program, word


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


EVIL = "a\x1b]0;b\x07\x7f\x9b31mc\u202ed\u2028e\u2029f\u200bg\U000e0041h\u061ci\u2066j\ud800"


def test_a_text_of_several_lines_keeps_them_and_loses_what_a_terminal_would_act_on() -> None:
    assert neutral("first\nsecond") == "first\nsecond"
    assert neutral("gr\u00fcn") == "gr\u00fcn"
    assert neutral(f"x\n\t{EVIL}\r\ny") == "x\n a?]0;b???31mc?d e f?g?h?i?j? \ny"


@given(st.text() | st.just(EVIL))
def test_any_text_of_several_lines_is_printable_line_by_line(text: str) -> None:
    shown = neutral(text)
    assert len(shown) == len(text)
    assert all(line.isprintable() for line in shown.split("\n"))


@given(st.text(st.characters(exclude_categories=["Cs"])) | st.just(EVIL.removesuffix("\ud800")))
def test_json_has_escapes_for_what_a_terminal_would_act_on_and_means_the_same(text: str) -> None:
    document = json.dumps({"text": text, text: [text]}, ensure_ascii=False, indent=2)
    shown = escape_controls(document)
    assert all(line.isprintable() for line in shown.split("\n"))
    assert json.loads(shown) == json.loads(document)


def test_a_control_character_of_one_byte_is_escaped_in_json() -> None:
    assert escape_controls('["\x9b31m", "\x7f", "gr\u00fcn"]') == '["\\u009b31m", "\\u007f", "gr\u00fcn"]'
    assert escape_controls('["plain"]') == '["plain"]'
