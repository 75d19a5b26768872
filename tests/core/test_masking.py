from __future__ import annotations

import html
import json
import re
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_proxy.core.masking import masked, masked_headers

PLAIN = "sk-4f9d1c7a2b8e3b6d5f0a"
ODD = 'k/ab+cd=="e\\f&<g>~h'
KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=60)
CODE = {ord(c): f"\\u{ord(c):04x}" for c in "<>&'=+"}


@pytest.mark.parametrize("key", [PLAIN, ODD])
@pytest.mark.parametrize(
    "write",
    [
        str,
        "Bearer {}".format,
        "https://api.example/?key={}&x=1".format,
        json.dumps,
        lambda key: json.dumps(json.dumps(key)),
        lambda key: json.dumps(key).replace("/", "\\/"),
        lambda key: json.dumps(key).translate(CODE),
        lambda key: json.dumps(key).translate({c: f"\\u{c:04X}" for c in CODE}),
        quote,
        quote_plus,
        lambda key: quote(key, safe=""),
        lambda key: re.sub("%..", lambda code: code[0].lower(), quote(key, safe="")),
        html.escape,
    ],
)
def test_a_key_is_replaced_however_it_is_written(key: str, write: object) -> None:
    assert callable(write)
    written = write(key)
    text = masked(f"twice: {written}, {written}.".encode(), key).decode()
    assert text.count("***") == 2
    assert key not in text
    assert key[2:8] not in text


@given(KEYS, st.binary(), st.binary())
def test_no_form_of_a_key_is_left(key: str, before: bytes, behind: bytes) -> None:
    for form in (key, json.dumps(key)[1:-1], quote(key, safe="")):
        assert form.encode() not in masked(before + form.encode() + behind, key).replace(b"***", b"\n")


def test_what_does_not_hold_the_key_stays_as_it_is() -> None:
    data, headers = b'{"error": "sk-4f9d is wrong"}', ((b"request-id", b"sk-4f9d"),)
    assert masked(data, PLAIN) is data
    assert masked_headers(headers, PLAIN) is headers


@pytest.mark.parametrize("key", ["", "none", "ollama", "1234567"])
def test_a_short_key_is_no_secret(key: str) -> None:
    data = f"the model ollama-none 1234567 {key}".encode()
    assert masked(data, key) is data
    assert masked_headers(((b"x", data),), key) == ((b"x", data),)


def test_the_values_of_headers_lose_the_key() -> None:
    headers = ((b"x-key", PLAIN.encode()), (b"location", f"/?k={PLAIN}&x".encode()), (b"retry-after", b"3"))
    assert masked_headers(headers, PLAIN) == ((b"x-key", b"***"), (b"location", b"/?k=***&x"), (b"retry-after", b"3"))


def test_no_headers_have_no_key() -> None:
    assert masked_headers((), PLAIN) == ()
