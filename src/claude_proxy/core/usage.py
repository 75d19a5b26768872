"""Tokens, read off the events of a stream or off a whole answer."""

from __future__ import annotations

from typing import Annotated

import msgspec

from claude_proxy.core.model import Usage

_Count = Annotated[int, msgspec.Meta(ge=0, le=10**12)]


class _Tokens(msgspec.Struct):
    input_tokens: _Count | None = None
    output_tokens: _Count | None = None
    cache_creation_input_tokens: _Count | None = None
    cache_read_input_tokens: _Count | None = None


class _Message(msgspec.Struct):
    model: str = ""
    usage: _Tokens | None = None


class _Report(msgspec.Struct):
    """`message_start` carries its usage inside `message`; `message_delta` and a whole answer beside their type."""

    message: _Message | None = None
    usage: _Tokens | None = None


_report = msgspec.json.Decoder(_Report)


def updated(usage: Usage, data: bytes) -> Usage:
    """Return `usage` with what the JSON of an event or answer says: counts are cumulative, the newest hold.

    What does not read as counts (negative, text, absurdly large) changes nothing.
    """
    try:
        report = _report.decode(data)
    except msgspec.MsgspecError:
        return usage
    tokens = report.usage or (report.message.usage if report.message else None)
    if tokens is None:
        return usage
    told = {field: count for field in tokens.__struct_fields__ if (count := getattr(tokens, field)) is not None}
    return Usage(**{**_as_dict(usage), **told})


def _as_dict(usage: Usage) -> dict[str, int]:
    return {field: getattr(usage, field) for field in _Tokens.__struct_fields__}
