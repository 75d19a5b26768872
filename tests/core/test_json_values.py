from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.core.json_values import (
    is_dense,
    is_json,
    read_first,
    read_text,
    read_text_start,
    replace_surrogates,
)

LIMIT = 10
BACKSLASHES = b"\\" * 100_000 + b"\\ud83d"


@pytest.mark.parametrize("ascii_only", [True, False])
@given(text=st.text(st.sampled_from('aé\\"\n\N{GRINNING FACE}'), min_size=5, max_size=60))
def test_a_long_text_is_read_to_the_limit(text: str, ascii_only: bool) -> None:
    raw = json.dumps(text * 9, ensure_ascii=ascii_only).encode()
    assert read_text_start(raw, LIMIT) == (text * 9)[:LIMIT]


@pytest.mark.parametrize("raw", [b"", b"1", b"null", b"[" * 1000, b'"' + b"\xff" * 999])
def test_what_is_no_text_has_no_start(raw: bytes) -> None:
    assert read_text_start(raw, LIMIT) is None


@pytest.mark.parametrize(
    ("raw", "items"),
    [
        (b"[]", []),
        (b'[1, {"a": []}]', [b"1", b'{"a": []}']),
        (b'["a",2,[3],[[[[', None),
        (b'["a",2,[3],[4]]', [b'"a"', b"2", b"[3]"]),
        (b"{}", None),
        (b"", None),
    ],
)
def test_the_first_items_of_a_list_are_read_and_the_others_skipped(raw: bytes, items: list[bytes] | None) -> None:
    read = read_first(3, msgspec.Raw(raw))
    assert (None if read is None else list(map(bytes, read))) == items


def test_json_is_dense_by_its_values_and_not_by_its_length() -> None:
    assert is_dense(b"[]," * 100_001)
    assert is_dense(b"x" * 5_000_000 + b"," * 200_001)
    assert not is_dense(b"[]," * 99_999 + b"x" * 5_000_000)


def test_data_are_json_only_in_utf_8() -> None:
    assert is_json(b' ["x"] ')
    assert not any(map(is_json, (b"", b"[", b'["\xff"]', b"[1] 2")))
    is_json(b"[" * 200_000 + b"]" * 200_000)  # how deep it may be nested depends on Python; it is no error


@given(st.text(st.sampled_from('\ud83d\ude00\U0001f600\\a"u\ufffd'), max_size=30))
def test_half_a_surrogate_pair_is_read_as_a_replacement_character(text: str) -> None:
    raw = json.dumps(text).encode()
    whole = json.loads(raw).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    assert read_text(raw) == whole
    assert len(replace_surrogates(raw) or raw) == len(raw)


def test_half_a_character_in_bytes_is_read_as_a_replacement_character() -> None:
    assert read_text(b'"\xed\xa0\xbd \xed\x9f\xbf"') == "\ufffd \ud7ff"
    assert read_text(b'"' + b"\xed\xa0\xbd" * 200_001 + b'"') is None  # more than is looked at


@pytest.mark.parametrize("raw", [b'"\\ud83d', b'"\\ud83', b'"\xed\xa0"', b'"\\ud83d" 1', BACKSLASHES])
def test_half_a_character_makes_no_json_of_what_is_none(raw: bytes) -> None:
    assert read_text(raw) is None


def test_json_without_half_a_character_is_none_to_replace_in() -> None:
    assert replace_surrogates(b'"\\ud83d\\ude00 \\\\ud83d"') is None
