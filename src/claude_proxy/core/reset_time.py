"""When a limit is over, read from the words of an error: a date, a duration, seconds since the epoch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Final

MAX_AHEAD: Final = 32 * 86400.0
"""Seconds ahead; the longest limit known is a month. What lies further off is no reset, but a mistake."""

_MAX_LENGTH: Final = 1000
"""Characters that are looked at: an error that names a time is a sentence or two."""

_DATE: Final = re.compile(
    r"(\d{4})[-/](\d\d)[-/](\d\d)(?:T| at | )(\d\d):(\d\d)(?::(\d\d))?(?:\.\d+)?"
    r"\s*(?:\(?(?P<utc>Z\b|UTC|GMT)?(?P<offset>[+-]\d\d?(?::?\d\d)?)?)"
)
_OF_A_RETURN: Final = re.compile(
    r"reset|retry|again|available|until|refresh|renew|regain|resume|restor|重置|恢复|重试|再试", re.IGNORECASE
)
_BEFORE, _BEHIND = 60, 20
"""How many characters around a date may hold the word that makes it one of a return."""

_LENGTHS: Final = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
"""By the first letter of a unit; milliseconds are the exception."""
_UNIT: Final = r"(?:ms|milliseconds?|d|days?|h|hrs?|hours?|m|mins?|minutes?|s|secs?|seconds?)(?![a-z])"
_PART: Final = re.compile(rf"(\d{{1,9}}(?:\.\d{{1,9}})?)\s*({_UNIT})", re.IGNORECASE)
_DURATION: Final = re.compile(
    r"(?:resets?|retry|again|available|wait|refresh(?:es|ed)?|renews?|resumes?)(?: in| after| for)?:?(?: about| ~)?\s+"
    rf"((?:\d{{1,9}}(?:\.\d{{1,9}})?\s*{_UNIT}(?:,? and |,? )?)+)",
    re.IGNORECASE,
)
_CHINESE_DURATION: Final = re.compile(r"(\d{1,9})\s*(秒|分钟|小时|天)\s*[之以]?后")
_CHINESE_LENGTHS: Final = {"秒": 1.0, "分钟": 60.0, "小时": 3600.0, "天": 86400.0}
_EPOCH: Final = re.compile(r"(?:\||(?:reset|retry|again|until)[a-z_]*\D{0,20})(\d{13}|\d{10})(?!\d)", re.IGNORECASE)


def told_return(words: str, now: float, utc_offset: float = 0.0) -> float | None:
    """Return the first moment ahead that the words name as that of a return, in seconds since the epoch, or None.

    A date without a zone counts `utc_offset` hours east of UTC. What has passed, or is absurdly far ahead, is none.
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
