"""Events without names: the official clients read nothing of them, though their data say what they are.

data: {"type":"ping"}  ──► with_names ──► event: ping
                                          data: {"type":"ping"}
"""

from __future__ import annotations

import re
from typing import Final

from claude_proxy.core import sse
from claude_proxy.core.messages import STATUS_OF_ERROR, error_body, error_event, read_error

_NAME: Final = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
_LINE_END: Final = re.compile(rb"\r\n?|\n")
_BLANK: Final = b"\n\n"


def with_names(block: bytes) -> bytes:
    """Return events with the name of their type, if they have a type and no name; all else stays byte for byte."""
    return sse.rewrite(block, _named)


def _named(piece: bytes, whole: bytes) -> bytes:
    event = sse.parse(piece)
    kind = "" if event is None or event.name else event.kind
    if not _NAME.fullmatch(kind):
        return whole
    # a name that is there says nothing: it is empty, or "message", which is the name of all that have none
    lines = (line for line in _LINE_END.split(piece) if line.partition(b":")[0] != b"event")
    return b"\n".join((b"event: %b" % kind.encode(), *lines)) + _BLANK


def as_error_event(whole: bytes) -> bytes:
    """Return the last event of a stream as clients take it: an error gets its name, and the API's form."""
    event = sse.parse(whole.rstrip(b"\r\n"))
    if event is None or event.name or event.kind not in ("", "error"):
        return whole
    known = read_error(event.data)
    if known is None or event.kind == "error":
        return with_names(whole)
    kind, message = known
    return error_event(error_body(kind if kind in STATUS_OF_ERROR else "api_error", message))
