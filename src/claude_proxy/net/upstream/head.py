"""The head of an answer: which header fields are passed on, and how its body is framed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from claude_proxy.core.types import Headers

MAX_HEAD_BYTES = 64 * 1024
"""A whole head, or whatever else comes between two bytes of body. Node accepts 16 KiB, curl 300."""

MAX_HEAD_FIELDS = 256
"""Fields of a head, which take far more memory than their bytes if they are tiny. Python's own client accepts 100."""

_CONSUMED = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"content-length",
        b"content-encoding",
    }
)
"""Fields for this connection alone (RFC 9110, 7.6.1), and those that no longer hold for a decoded body."""

_NO_CONTENT = 204
_NOT_MODIFIED = 304


class MalformedHeadError(Exception):
    """An answer's head that breaks HTTP/1.1."""


class Head(msgspec.Struct, frozen=True, gc=False):
    """An answer's final head."""

    status: int
    headers: Headers
    declared: bool
    """Whether content-length or a last chunk says where the body ends; else it ends with the connection."""
    coding: bytes
    """The value of content-encoding, or empty."""
    clean: bool
    """Whether it is certain where the next answer would begin."""
    keep_alive: bytes
    """The value of keep-alive, or empty: how long the server keeps the connection."""


def read_head(status: int, fields: Sequence[tuple[bytes, bytes]]) -> Head:
    """Return the head of an answer from its header fields, names in lower case. Raises `MalformedHeadError`."""
    consumed: dict[bytes, bytes] = {}
    relayed: list[tuple[bytes, bytes]] = []
    size = 0
    for name, value in fields:
        size += len(name) + len(value) + 4  # the colon, a blank, CR and LF
        if name in _CONSUMED or name.startswith(b"proxy-"):
            consumed[name] = consumed[name] + b"," + value if name in consumed else value
        else:
            relayed.append((name, value))
    if size > MAX_HEAD_BYTES:
        raise MalformedHeadError(head_too_large())
    chunked, length = _is_chunked(consumed), b"content-length" in consumed
    declared = chunked or length
    bodiless = status in {_NO_CONTENT, _NOT_MODIFIED}
    headers = tuple(_drop_hop_by_hop(relayed, consumed.get(b"connection", b"")))
    clean = not (bodiless and declared) and not (chunked and length)
    coding, keep_alive = consumed.get(b"content-encoding", b""), consumed.get(b"keep-alive", b"")
    return Head(status, headers, declared, coding, clean, keep_alive)


def head_too_large() -> str:
    """Return the message for a head over the limit."""
    return f"the head of the answer is over {MAX_HEAD_BYTES // 1024} KiB"


def _is_chunked(consumed: dict[bytes, bytes]) -> bool:
    coding = consumed.get(b"transfer-encoding")
    if coding is None:
        return False
    if coding.strip().lower() != b"chunked":
        message = "the answer comes in a transfer-encoding other than chunked"
        raise MalformedHeadError(message)
    return True


def _drop_hop_by_hop(fields: list[tuple[bytes, bytes]], connection: bytes) -> list[tuple[bytes, bytes]]:
    """Drop the fields that the `connection` header names as hop-by-hop (RFC 9110, 7.6.1)."""
    if connection.find(b",") < 0 and connection.strip().lower() in {b"", b"close", b"keep-alive"}:
        return fields
    named = {token.strip() for token in connection.lower().split(b",")}
    return [field for field in fields if field[0] not in named]
