"""Tokens, read from the events of a stream or from a whole answer, and corrected if a provider counts oddly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from claude_proxy.core.json_values import try_decode
from claude_proxy.core.types import Usage

_MAX_COUNT: Final = 10**8
"""The largest count that is believed: ten times the longest context of any model. One that is larger, such as a time,
would use up every budget at once, and stays in all sums."""
_MAX_DIGITS: Final = len(str(_MAX_COUNT))

_ABSENT: Final = msgspec.Raw(b"")


class _Counts(msgspec.Struct):
    """Each as it came: one that is no count leaves the others readable."""

    input_tokens: msgspec.Raw = _ABSENT
    output_tokens: msgspec.Raw = _ABSENT
    cache_creation_input_tokens: msgspec.Raw = _ABSENT
    cache_read_input_tokens: msgspec.Raw = _ABSENT
    cache_creation: msgspec.Raw = _ABSENT


class _Written(msgspec.Struct):
    """How long what was written to the cache is kept."""

    ephemeral_1h_input_tokens: msgspec.Raw = _ABSENT


_NO_COUNTS: Final = _Counts()


class _Message(msgspec.Struct):
    usage: _Counts | None = None


class _Report(msgspec.Struct):
    """`message_start` carries its usage inside `message`; `message_delta` and a whole answer beside their type."""

    message: _Message | None = None
    usage: _Counts | None = None


_report = msgspec.json.Decoder(_Report)
_written = msgspec.json.Decoder(_Written)


class Tally:
    """What an answer says of its tokens, event by event; `usage` is the result.

    Counts are cumulative, so the newest counts, and a zero never replaces a count: some providers send one in an event
    that has no count. What does not read as a count (negative, text, absurdly large) changes nothing.

    With `counts_cache`, `input_tokens` are the whole context, and what came from the cache or went into it is
    subtracted. A later event with fewer of them than an earlier one has done that itself.
    """

    __slots__ = ("_counts_cache", "_for_an_hour", "_input", "_output", "_read", "_whole", "_written")

    def __init__(self, *, counts_cache: bool = False) -> None:
        self._counts_cache = counts_cache
        self._whole = 0
        self._input = self._output = self._written = self._read = self._for_an_hour = 0

    def read(self, data: bytes) -> None:
        """Take the JSON of an event or of a whole answer."""
        report = try_decode(_report, data)
        if report is None:
            return
        counts = report.usage
        if (counts is None or counts == _NO_COUNTS) and report.message:
            counts = report.message.usage
        if counts is None:
            return
        self._input = _count(counts.input_tokens) or self._input
        self._whole = max(self._whole, self._input)
        self._output = _count(counts.output_tokens) or self._output
        self._written = _count(counts.cache_creation_input_tokens) or self._written
        self._read = _count(counts.cache_read_input_tokens) or self._read
        if counts.cache_creation and (written := try_decode(_written, counts.cache_creation)):
            self._for_an_hour = _count(written.ephemeral_1h_input_tokens) or self._for_an_hour

    @property
    def usage(self) -> Usage:
        fresh = self._input
        if self._counts_cache and fresh == self._whole:
            fresh = max(0, fresh - self._read - self._written)
        return Usage(fresh, self._output, self._written, self._read, min(self._for_an_hour, self._written))


def usage_of(answer: bytes, *, counts_cache: bool = False) -> Usage:
    """Return what a whole answer says of its tokens."""
    tally = Tally(counts_cache=counts_cache)
    tally.read(answer)
    return tally.usage


def total(parts: Sequence[Usage]) -> Usage:
    """Return the sum of some usages."""
    if len(parts) == 1:
        return parts[0]
    return Usage(
        sum(part.input_tokens for part in parts),
        sum(part.output_tokens for part in parts),
        sum(part.cache_creation_input_tokens for part in parts),
        sum(part.cache_read_input_tokens for part in parts),
        sum(part.ephemeral_1h_input_tokens for part in parts),
    )


def _count(raw: msgspec.Raw) -> int:
    if len(raw) > _MAX_DIGITS:
        return 0
    digits = bytes(raw)
    count = int(digits) if digits.isdigit() else 0
    return count if count <= _MAX_COUNT else 0
