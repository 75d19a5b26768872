"""JSON from outside, read as far as it has the shape that is looked for."""

from __future__ import annotations

from typing import TypeVar

import msgspec

T = TypeVar("T")


def try_decode(decoder: msgspec.json.Decoder[T], data: bytes) -> T | None:
    """Return what the decoder makes of `data`; None where that is not JSON, not of this shape, or nested too deep."""
    try:
        return decoder.decode(data)
    except (ValueError, RecursionError):  # ValueError: msgspec's own errors, and text that is not UTF-8
        return None
