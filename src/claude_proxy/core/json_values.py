"""JSON from outside, read only as far as it has the expected shape.

A `Raw` value is JSON that was not read: written again, it stays byte for byte as it came.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final, TypeAlias, TypeVar

import msgspec

T = TypeVar("T")

Members: TypeAlias = dict[str, msgspec.Raw]
"""The members of an object, each value as it came."""

MAX_VALUES: Final = 200_000
"""Values, and escapes in texts, that are read of a provider's JSON at once: they take 5 ms. An answer of 128,000 tokens
has fewer; a hostile one of 7 MB has millions."""

_SEPARATORS: Final = b",[{\\"
"""Before each value of a list or an object stands one of the first three; with a backslash each escape begins."""
_WINDOW: Final = 64 * 1024

_MAX_CHARACTER: Final = len(r"\ud83d\ude00")
"""Bytes that the longest way to write a character in JSON takes."""
_ABSENT: Final = msgspec.Raw(b"")

_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]")
"""Half of a character beyond the first 65,536, as an escape or as bytes. Most JSON holds none."""
_LOW: Final = re.compile(rb"(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_HIGH: Final = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})")
"""An escape that stands for half a character: a low half without a high one before it, and the other way round."""
_BYTES: Final = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
_BACKSLASH, _SET_ASIDE = rb"\\", b"\0\0"
_REPLACEMENT: Final = rb"\\ufffd"

_members = msgspec.json.Decoder(Members)
_text = msgspec.json.Decoder(str)
_raw = msgspec.json.Decoder(msgspec.Raw)
_raws = msgspec.json.Decoder(list[msgspec.Raw])


def try_decode(decoder: msgspec.json.Decoder[T], data: bytes | msgspec.Raw) -> T | None:
    """Return what the decoder reads in `data`; None if that is not JSON, not of this shape, or nested too deep.

    Half of a surrogate pair, which is valid JSON, is read as U+FFFD.
    """
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):  # ValueError: text that is not UTF-8
        whole = replace_surrogates(data)
    if whole is None:
        return None
    try:
        return decoder.decode(whole)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def replace_surrogates(data: bytes | msgspec.Raw) -> bytes | None:
    """Return JSON with U+FFFD for each half of a surrogate pair, and of the same length; None if it holds none.

    Programs that cut text by UTF-16, as JavaScript does, cut an emoji in two. msgspec does not read such JSON, and
    Anthropic rejects it.
    """
    raw = bytes(data)
    if not _SURROGATE.search(raw) or b"\0" in raw:  # which no JSON holds
        return None
    escapes = raw.replace(_BACKSLASH, _SET_ASIDE)  # what comes behind a backslash that is escaped is no escape
    escapes = _HIGH.sub(_REPLACEMENT, _LOW.sub(_REPLACEMENT, escapes))
    whole = escapes.replace(_SET_ASIDE, _BACKSLASH)
    if whole.count(b"\xed") <= MAX_VALUES:
        whole = _BYTES.sub(b"\xef\xbf\xbd", whole)
    return None if whole == raw else whole


def is_json(data: bytes) -> bool:
    """Tell whether data are JSON, without keeping anything of them."""
    try:
        _raw.decode(data.decode())  # msgspec does not look into texts that it skips
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
    return True


def is_dense(data: bytes) -> bool:
    """Tell whether JSON may hold more than `MAX_VALUES`: to read it would keep everything else waiting.

    It costs 1 ms for each MB, but ends early if the answer is yes.
    """
    if len(data) <= MAX_VALUES:
        return False
    left = MAX_VALUES
    for start in range(0, len(data), _WINDOW):
        window = data[start : start + _WINDOW]
        left -= len(window) - len(window.translate(None, _SEPARATORS))
        if left < 0:
            return True
    return False


def read_members(raw: msgspec.Raw | bytes) -> Members | None:
    """Return the members of an object; None if it is something else."""
    return try_decode(_members, raw)


def read_items(raw: msgspec.Raw | bytes | None) -> list[msgspec.Raw] | None:
    """Return the items of a list; None if it is something else."""
    return None if raw is None else try_decode(_raws, raw)


def read_text(raw: msgspec.Raw | bytes) -> str | None:
    """Return a text; None if it is something else."""
    return try_decode(_text, raw)


def read_text_start(raw: msgspec.Raw | bytes, limit: int) -> str | None:
    """Return at most `limit` characters of a text; None if it is something else. The rest is not read."""
    longest = limit * _MAX_CHARACTER + 2
    if len(raw) <= longest:
        text = read_text(raw)
        return text and text[:limit]
    data = bytes(memoryview(raw)[:longest])
    if not data.startswith(b'"'):
        return None
    for end in range(longest, longest - _MAX_CHARACTER - 1, -1):  # the cut may go through a character
        text = read_text(data[:end] + b'"')
        if text is not None:
            return text[:limit]
    return None


@cache
def _decoder_of_first(count: int) -> msgspec.json.Decoder[Any]:
    """Return a decoder for the first items of a list, each as it came. The others are skipped.

    It takes 400 bytes for each item, so it is made when it is first asked for.
    """
    fields = [(f"item_{number}", msgspec.Raw, _ABSENT) for number in range(count)]
    return msgspec.json.Decoder(msgspec.defstruct("FirstItems", fields, array_like=True))


def read_first(count: int, raw: msgspec.Raw | bytes) -> list[msgspec.Raw] | None:
    """Return the first items of a list, each as it came; None if it is no list."""
    items = try_decode(_decoder_of_first(count), raw)
    return None if items is None else [item for item in msgspec.structs.astuple(items) if item != _ABSENT]


def text_of(members: Members, name: str) -> str:
    """Return a member that is a text; an empty text if it is missing or something else."""
    raw = members.get(name)
    return "" if raw is None else try_decode(_text, raw) or ""


def as_raw(value: object) -> msgspec.Raw:
    """Return a value as JSON. Raw JSON inside it stays as it is."""
    return msgspec.Raw(msgspec.json.encode(value))
