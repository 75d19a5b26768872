"""Tokens, read off the events of a stream or off a whole answer."""

from __future__ import annotations

from typing import Annotated

import msgspec

from claude_proxy.core.lenient import decoded
from claude_proxy.core.model import Usage

_Count = Annotated[int, msgspec.Meta(ge=0, le=10**12)]


class _Tokens(msgspec.Struct):
    input_tokens: _Count | None = None
    output_tokens: _Count | None = None
    cache_creation_input_tokens: _Count | None = None
    cache_read_input_tokens: _Count | None = None


class _Message(msgspec.Struct):
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
    report = decoded(_report, data) or _Report()
    told = report.usage or (report.message.usage if report.message else None)
    if told is None:
        return usage
    return Usage(
        _newest(told.input_tokens, usage.input_tokens),
        _newest(told.output_tokens, usage.output_tokens),
        _newest(told.cache_creation_input_tokens, usage.cache_creation_input_tokens),
        _newest(told.cache_read_input_tokens, usage.cache_read_input_tokens),
    )


def _newest(told: int | None, known: int) -> int:
    return known if told is None else told
