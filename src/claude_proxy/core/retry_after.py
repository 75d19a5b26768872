"""When a provider says that it will answer again: read from its headers, or from the words of its error.

headers ─► time_in_headers ─► `retry-after`, else the reset of an exhausted limit
words ───► time_in_words ───► a date, a duration, or seconds since the epoch
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from claude_proxy.core.headers import find
from claude_proxy.core.types import Headers

# In headers.

_LIMIT: Final = re.compile(rb"anthropic-ratelimit-(?!unified-)(.{1,64})-(reset|remaining)")
_PLAN: Final = re.compile(rb"anthropic-ratelimit-unified-(?:(.{1,64})-)?(reset|status)")
_OVERAGE: Final = b"overage"
"""What can be bought beyond a plan: that it is spent too says nothing of when the plan is back."""
_PLAIN_NUMBER: Final = re.compile(r"\d{1,13}(\.\d{0,6})?", re.ASCII)
_MAX_WAIT: Final = 10**8
"""Seconds; a larger number is a moment since the epoch, and one that is a thousand times as large has milliseconds."""


def time_in_headers(headers: Headers, now: float) -> float | None:
    """Return the time that the headers name, in seconds since the epoch, or None.

    `retry-after` counts first, in seconds or as a date, then `anthropic-ratelimit-unified-*`, the windows of a plan:
    the latest reset of those that are `rejected`, else the plan's own. Of the other `anthropic-ratelimit-*-reset` the
    latest exhausted one counts, if `-remaining` says which those are, else the earliest of those without a
    `-remaining`.
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
    for read in (datetime.fromisoformat, _http_date):
        try:
            moment = read(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            continue
    return None


def _http_date(text: str) -> datetime:
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - 8 ms and 0.3 MB, and hardly any answer has a date

    return parsedate_to_datetime(text)


# In words.

_PLAIN_CASE: Final = re.IGNORECASE | re.ASCII
"""Without ASCII, `s` would match U+017F and `i` U+0131 as well, and `\\d` the digits of every script."""

MAX_AHEAD: Final = 32 * 86400.0
"""Seconds ahead; the longest limit known is a month. A time further ahead is a mistake."""

_MAX_LENGTH: Final = 1000
"""Characters that are looked at: an error that names a time is a sentence or two."""

_DATE: Final = re.compile(
    r"(\d{4})[-/](\d\d)[-/](\d\d)(?:T| at | )(\d\d):(\d\d)(?::(\d\d))?(?:\.\d+)?"
    r"\s*(?:\(?(?P<utc>Z\b|UTC|GMT)?(?P<offset>[+-]\d\d?(?::?\d\d)?)?)",
    re.ASCII,
)
_OF_A_RETURN: Final = re.compile(
    r"reset|retry|again|available|until|refresh|renew|regain|resume|restor|重置|恢复|重试|再试", re.IGNORECASE
)
_BEFORE, _BEHIND = 60, 20
"""How many characters before and behind a date may hold the word that makes it the time of a return."""

_LENGTHS: Final = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
"""By the first letter of a unit; milliseconds are the exception."""
_SPACE: Final = r"[\s\u00A0\u202F]"
"""Also the spaces that keep a number and its unit on one line."""
_UNIT: Final = r"(?:ms|milliseconds?|d|days?|h|hrs?|hours?|m|mins?|minutes?|s|secs?|seconds?)(?![a-z])"
_PART: Final = re.compile(rf"(\d{{1,9}}(?:\.\d{{1,9}})?){_SPACE}*({_UNIT})", _PLAIN_CASE)
_DURATION: Final = re.compile(
    r"(?:resets?|retry|again|available|wait|refresh(?:es|ed)?|renews?|resumes?)(?: in| after| for)?:?(?: about| ~)?"
    rf"{_SPACE}+((?:\d{{1,9}}(?:\.\d{{1,9}})?{_SPACE}*{_UNIT}(?:,? and |,? )?)+)",
    _PLAIN_CASE,
)
_CHINESE_DURATION: Final = re.compile(r"([0-9]{1,9})\s*(秒|分钟|小时|天)\s*[之以]?后")
_CHINESE_LENGTHS: Final = {"秒": 1.0, "分钟": 60.0, "小时": 3600.0, "天": 86400.0}
_EPOCH: Final = re.compile(r"(?:\||(?:reset|retry|again|until)[a-z_]{0,40}+\D{0,20})(\d{13}|\d{10})(?!\d)", _PLAIN_CASE)


def time_in_words(words: str, now: float, utc_offset: float = 0.0) -> float | None:
    """Return the first time ahead that the words name as the time of a return, in seconds since the epoch, or None.

    A date without a zone counts `utc_offset` hours east of UTC. Times that are over or absurdly far ahead are ignored.
    """
    words = words[:_MAX_LENGTH]
    moments = (*_dates(words, utc_offset), *_epochs(words), *(now + seconds for seconds in _durations(words)))
    return next((moment for moment in moments if now < moment <= now + MAX_AHEAD), None)


def _dates(words: str, utc_offset: float) -> Iterator[float]:
    for match in _DATE.finditer(words):
        around = words[max(0, match.start() - _BEFORE) : match.start()] + " " + words[match.end() :][:_BEHIND]
        if not _OF_A_RETURN.search(around):
            continue
        year, month, day, hour, minute, second = (int(digits or 0) for digits in match.groups()[:6])
        try:
            zone = timezone(_offset(match["utc"], match["offset"], utc_offset))
            yield datetime(year, month, day, hour, minute, second, tzinfo=zone).timestamp()
        except (ValueError, OverflowError):
            continue


def _offset(utc: str | None, offset: str | None, default: float) -> timedelta:
    if not offset:
        return timedelta(hours=0.0 if utc else default)
    sign, digits = offset[0], offset[1:].replace(":", "")
    hours, minutes = (digits, "0") if len(digits) <= 2 else (digits[:-2], digits[-2:])
    east = timedelta(hours=int(hours), minutes=int(minutes))
    return -east if sign == "-" else east


def _epochs(words: str) -> Iterator[float]:
    for match in _EPOCH.finditer(words):
        yield int(match[1]) / (1000 if len(match[1]) == 13 else 1)


def _durations(words: str) -> Iterator[float]:
    for match in _DURATION.finditer(words):
        yield sum(float(number) * _length(unit.lower()) for number, unit in _PART.findall(match[1]))
    for number, unit in _CHINESE_DURATION.findall(words):
        yield int(number) * _CHINESE_LENGTHS[unit]


def _length(unit: str) -> float:
    return 0.001 if unit.startswith(("ms", "mil")) else _LENGTHS[unit[0]]
