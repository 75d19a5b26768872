"""JSON from outside, read only as far as it has the expected shape.

A `Raw` value is JSON that was not read: written again, it stays byte for byte as it came.
"""

from __future__ import annotations

from typing import Final, TypeAlias, TypeVar

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

_members = msgspec.json.Decoder(Members)
_text = msgspec.json.Decoder(str)
_raws = msgspec.json.Decoder(list[msgspec.Raw])


def try_decode(decoder: msgspec.json.Decoder[T], data: bytes) -> T | None:
    """Return what the decoder reads in `data`; None if that is not JSON, not of this shape, or nested too deep."""
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):  # ValueError: text that is not UTF-8
        return None


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
    return try_decode(_members, bytes(raw))


def read_items(raw: msgspec.Raw | bytes | None) -> list[msgspec.Raw] | None:
    """Return the items of a list; None if it is something else."""
    return None if raw is None else try_decode(_raws, bytes(raw))


def read_text(raw: msgspec.Raw | bytes) -> str | None:
    """Return a text; None if it is something else."""
    return try_decode(_text, bytes(raw))


def text_of(members: Members, name: str) -> str:
    """Return a member that is a text; an empty text if it is missing or something else."""
    raw = members.get(name)
    return "" if raw is None else try_decode(_text, bytes(raw)) or ""


def as_raw(value: object) -> msgspec.Raw:
    """Return a value as JSON. Raw JSON inside it stays as it is."""
    return msgspec.Raw(msgspec.json.encode(value))
