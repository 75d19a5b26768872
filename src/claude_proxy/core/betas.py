"""The `anthropic-beta` header: features that the client may use, some of which a provider refuses."""

from __future__ import annotations

from functools import lru_cache

from claude_proxy.core.types import Headers

_BETA = b"anthropic-beta"
EVERY = b"*"
"""Stands for all values."""


def without_betas(headers: Headers, refused: frozenset[bytes]) -> tuple[Headers, list[str]]:
    """Return the headers without these betas, and which of them were there. A field that is left empty goes."""
    gone = [beta for name, value in headers if name == _BETA for beta in _divided(value, refused)[1]]
    if not gone:
        return headers, gone
    fields = [(name, _divided(value, refused)[0] if name == _BETA else value) for name, value in headers]
    return tuple([(name, value) for name, value in fields if value or name != _BETA]), gone


@lru_cache(maxsize=64)  # a client sends the same with each request
def _divided(value: bytes, refused: frozenset[bytes]) -> tuple[bytes, tuple[str, ...]]:
    """Return what is left of a field's value, and the betas that are not."""
    betas = [beta.strip() for beta in value.split(b",")]
    kept = [beta for beta in betas if beta not in refused and EVERY not in refused]
    gone = tuple([beta.decode("latin-1") for beta in betas if beta not in kept])
    return (b",".join(kept) if gone else value), gone
