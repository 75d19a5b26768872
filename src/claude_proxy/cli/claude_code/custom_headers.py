"""`ANTHROPIC_CUSTOM_HEADERS`: headers that Claude Code adds to each request, a line for each.

Our token goes there if `Authorization` carries Claude Code's own login.
"""

from __future__ import annotations

from collections.abc import Iterator

TOKEN_HEADER = "x-claude-proxy-token"  # noqa: S105 - the name of a header


def with_token(text: str, token: str) -> str:
    """Return the lines with one more at the end, for our token; an older one of ours gives target."""
    return "\n".join([*_others(text), f"{TOKEN_HEADER}: {token}"])


def without_token(text: str) -> str:
    """Return the lines without ours."""
    return "\n".join(_others(text))


def token_in(text: str) -> str | None:
    """Return our token from the last line that has one; None if there is no such line."""
    tokens = [value.strip() for name, _, value in _lines(text) if _is_ours(name)]
    return tokens[-1] if tokens else None


def _others(text: str) -> Iterator[str]:
    return ("".join(parts) for parts in _lines(text.rstrip("\r\n")) if parts[0] and not _is_ours(parts[0]))


def _lines(text: str) -> Iterator[tuple[str, str, str]]:
    return (line.partition(":") for line in text.split("\n"))


def _is_ours(name: str) -> bool:
    return name.strip().lower() == TOKEN_HEADER
