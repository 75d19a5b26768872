"""When a provider says that it will answer again: `retry-after`, or the reset of an exhausted rate limit."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from claude_proxy.core.headers import find
from claude_proxy.core.types import Headers

_LIMIT: Final = re.compile(rb"anthropic-ratelimit-(?!unified-)(.+)-(reset|remaining)")
_PLAN: Final = re.compile(rb"anthropic-ratelimit-unified-(?:(.+)-)?(reset|status)")
_OVERAGE: Final = b"overage"
"""What can be bought beyond a plan: that it is spent too tells nothing of when the plan is back."""
_PLAIN_NUMBER: Final = re.compile(r"\d{1,13}(\.\d{0,6})?")
_MAX_WAIT: Final = 10**8
"""Seconds; a larger number is a moment since the epoch, and one that is a thousand times as large has milliseconds."""


def named_return(headers: Headers, now: float) -> float | None:
    """Return the moment that the headers name, in seconds since the epoch, or None.

    `retry-after` counts first, in seconds or as a date, then `anthropic-ratelimit-unified-*`, the windows of a plan:
    the latest reset of those that are `rejected`, else the plan's own. Of the other `anthropic-ratelimit-*-reset` the
    latest exhausted one counts, where `-remaining` tells which those are, else the earliest of those of which nothing
    remaining is told.
    """
    value = find(headers, b"retry-after")
    moment = None if value is None else _moment(value, now)
    if moment is None:
        moment = _plan_reset(headers, now)
    return _reset(headers, now) if moment is None else moment


def plan_rejects(headers: Headers) -> bool:
    """Whether the headers say that a plan's limit is reached; a 429 without that is about the pace."""
    return find(headers, b"anthropic-ratelimit-unified-status") == b"rejected"


def _plan_reset(headers: Headers, now: float) -> float | None:
    resets, statuses = dict[bytes, float](), dict[bytes, bytes]()
    for name, value in headers:
        match = _PLAN.fullmatch(name)
        if match is None or match[1] == _OVERAGE:
            continue
        if match[2] == b"status":
            statuses[match[1] or b""] = value.strip()
        elif (moment := _moment(value, 0.0)) is not None and moment > now:
            resets[match[1] or b""] = moment
    windows = [moment for window, moment in resets.items() if window and statuses.get(window) == b"rejected"]
    if windows:
        return max(windows)
    return resets.get(b"") if statuses.get(b"", b"rejected") == b"rejected" else None


def _reset(headers: Headers, now: float) -> float | None:
    resets, remaining = dict[bytes, float](), dict[bytes, bytes]()
    for name, value in headers:
        match = _LIMIT.fullmatch(name)
        if match is None:
            continue
        if match[2] == b"remaining":
            remaining[match[1]] = value.strip()
        elif (moment := _moment(value, 0.0)) is not None and moment > now:
            resets[match[1]] = moment
    if spent := [moment for limit, moment in resets.items() if remaining.get(limit) == b"0"]:
        return max(spent)
    return min((moment for limit, moment in resets.items() if limit not in remaining), default=None)


def _moment(value: bytes, origin: float) -> float | None:
    """Read seconds after `origin`, or since the epoch, an HTTP date or an RFC 3339 time."""
    text = value.decode("latin-1").strip()
    if _PLAIN_NUMBER.fullmatch(text):
        number = math.ceil(float(text))
        if number < _MAX_WAIT:
            return origin + number
        return float(number) if number < 1000 * _MAX_WAIT else number / 1000
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            continue
    return None
