"""Which heads of requests are refused as malformed, although the parser takes them.

What two programs can read in two ways lets a request pass the one and mean another thing to the next. nginx refuses the
same. The parser itself refuses odd line ends, folded fields, and a length beside chunks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

MAX_LENGTH_DIGITS: Final = 18
"""Digits of a Content-Length. Python reads no number of more than 4,300."""

_BLANKS: Final = b" \t"
"""They may surround a field's value; the parser leaves tabs behind it."""

_UNIQUE: Final = (b"host", b"content-length", b"transfer-encoding", b"authorization")
_VERSIONS: Final = frozenset({"1.1", "1.0"})
_HOST: Final = re.compile(rb"(\[[0-9A-Fa-f:.]+(?:%[0-9A-Za-z._~-]+)?\]|[0-9A-Za-z._-]+)(?::[0-9]{0,5})?", re.ASCII)


class MalformedHeadError(Exception):
    """A head is malformed; the text says why."""


@lru_cache(maxsize=16)  # a client names the same host in all of its requests
def host_name(host: bytes) -> str | None:
    """Return the name or address in a Host field, in lower case and without brackets; None if it is malformed."""
    found = _HOST.fullmatch(host.strip(_BLANKS))
    return found[1].decode("ascii").lower().strip("[]") if found else None


def check_head(version: str, target: bytes, headers: Sequence[tuple[bytes, bytes]]) -> int:
    """Return the declared length of the body, 0 if there is none. Names are in lower case.

    Raises `MalformedHeadError`.
    """
    fields = dict(headers)
    if len(fields) < len(headers):
        _check_repeated([name for name, _ in headers])
    if version not in _VERSIONS:
        raise MalformedHeadError("only HTTP/1.1 and HTTP/1.0 are understood")
    host = fields.get(b"host")
    if host is None:
        if version == "1.1":
            raise MalformedHeadError("there is no Host header")
    elif host_name(host) is None:
        raise MalformedHeadError("the Host header is malformed")
    if not target.startswith(b"/"):
        _check_other_target(target, host)
    if b"transfer-encoding" in fields and (
        version != "1.1" or fields[b"transfer-encoding"].strip(_BLANKS).lower() != b"chunked"
    ):
        raise MalformedHeadError("the only transfer-encoding is chunked, in HTTP/1.1")
    length = fields.get(b"content-length", b"0").strip(_BLANKS)
    if len(length) > MAX_LENGTH_DIGITS or not length.isdigit():
        raise MalformedHeadError("content-length is malformed")
    return int(length)


def _check_repeated(names: Sequence[bytes]) -> None:
    for name in _UNIQUE:
        if names.count(name) > 1:
            raise MalformedHeadError(f"{name.decode()} came more than once")


def _check_other_target(target: bytes, host: bytes | None) -> None:
    """Refuse a whole URL that names another host than the Host header does; it would count, not the header."""
    scheme, found, rest = target.partition(b"://")
    if not found or not scheme.isalpha():
        raise MalformedHeadError("the request's target is no path")
    if re.split(rb"[/?#]", rest, maxsplit=1)[0].lower() != (host or b"").lower():
        raise MalformedHeadError("the request's target and its Host header name two hosts")
