"""The `anthropic-beta` header: features that the client may use, some of which a provider refuses."""

from __future__ import annotations

from claude_proxy.core.model import Headers

_BETA = b"anthropic-beta"
EVERY = b"*"
"""Stands for all values."""


def without_betas(headers: Headers, refused: frozenset[bytes]) -> tuple[Headers, list[str]]:
    """Return the headers without these betas, and which of them were there. A field that is left empty goes."""
    gone, fields = list[str](), list[tuple[bytes, bytes]]()
    for name, value in headers:
        if name != _BETA:
            fields.append((name, value))
            continue
        betas = [beta.strip() for beta in value.split(b",")]
        kept = [beta for beta in betas if beta not in refused and EVERY not in refused]
        if len(kept) == len(betas):
            fields.append((name, value))
            continue
        gone += [beta.decode("latin-1") for beta in betas if beta not in kept]
        if kept:
            fields.append((name, b",".join(kept)))
    return (tuple(fields) if gone else headers), gone
