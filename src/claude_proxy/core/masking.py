"""Takes the key that a provider was asked with out of what it answers.

    header values ──────────────────────────► masked_headers
    the body of an error, an error event ───► masked

The content of answers is not searched: it is relayed byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final
from urllib.parse import quote

import msgspec

from claude_proxy.core.text import MASK
from claude_proxy.core.types import Headers

MIN_LENGTH: Final = 8
"""Characters of the shortest key that is taken out: what local servers get (`none`, `ollama`) is no secret, and stands
in other words."""

_MASK: Final = MASK.encode()
_HTML_IN_JSON: Final = "<>&'=+"
"""Characters that some writers of JSON escape as well (Gson, Go, .NET)."""


def masked(data: bytes, key: str) -> bytes:
    """Return `data` without the key, in none of the forms in which JSON, URLs and HTML write it."""
    for form in _forms(key):
        if data.find(form) >= 0:
            data = data.replace(form, _MASK)
    return data


def masked_headers(headers: Headers, key: str) -> Headers:
    """Return header fields without the key in their values."""
    values = b"\n".join([value for _, value in headers])
    for form in _forms(key):
        if values.find(form) >= 0:
            return tuple((name, masked(value, key)) for name, value in headers)
    return headers


@lru_cache(maxsize=64)  # the same for each answer of a provider
def _forms(key: str) -> tuple[bytes, ...]:
    """Return the ways in which an answer may write a key, the longest first; for most keys, all are one."""
    if len(key) < MIN_LENGTH:
        return ()
    import html  # noqa: PLC0415 - its table of entities takes 2 ms, and a start needs no key's forms

    in_json = _in_json(key)
    forms = {
        key,
        in_json,
        in_json.replace("/", r"\/"),
        _in_json(in_json),
        _escaped(in_json, r"\u{:04x}".format),
        _escaped(in_json, r"\u{:04X}".format),
        html.escape(key),
        *(write(key, safe=safe) for write in (quote, _quote_in_lower_case) for safe in ("", "/")),
    }
    return tuple(sorted((form.encode() for form in forms), key=len, reverse=True))


def _in_json(text: str) -> str:
    return msgspec.json.encode(text).decode()[1:-1]


def _escaped(text: str, escape: Callable[[int], str]) -> str:
    return "".join(escape(ord(c)) if c in _HTML_IN_JSON else c for c in text)


def _quote_in_lower_case(text: str, safe: str) -> str:
    return "".join(quote(c, safe=safe).lower() if quote(c, safe=safe) != c else c for c in text)
