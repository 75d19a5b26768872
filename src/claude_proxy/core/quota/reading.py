"""Reads answers about quotas leniently: numbers as texts, moments in any form. What is doubtful is left out.

A window that is not shown does no harm. One that is wrong would put a provider into cooldown that can answer.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import msgspec
from msgspec.structs import replace

from claude_proxy.core.json_values import is_dense, try_decode
from claude_proxy.core.quota.quota_report import Balance, QuotaWindow

MAX_ANSWER: Final = 256 * 1024
"""Bytes; the largest answers known have a few thousand."""
MAX_ITEMS: Final = 64
"""Entries that are read of a list: a plan has a handful of windows."""
MAX_AHEAD: Final = 400 * 86400.0
"""Seconds; a reset that is further ahead, or as long ago, is no reset."""

HOUR, DAY, WEEK = 3600.0, 86400.0, 7 * 86400.0
_MONTH: Final = range(28, 32)
"""Days."""

_SPANS: Final = {"min": 60.0, "h": HOUR, "day": DAY, "days": DAY, "week": WEEK, "month": 31 * DAY}
_SPAN: Final = re.compile(r"(?:(\d{1,6}) )?(min|h|days?|week|month)\b", re.ASCII)
"""How `span` names windows."""
ODD: Final = HOUR
"""Seconds by which a provider's clock may differ. A local time that is taken for UTC differs by more in most places."""

LOW_BALANCE: Final = {"USD": 1.0, "CNY": 5.0}
"""A balance below this is low: a long prompt to a large model costs about as much."""

_NUMBER: Final = re.compile(r"[+-]?\d{1,18}(?:\.\d{1,18})?(?:[eE][+-]?\d{1,2})?", re.ASCII)
_MILLISECONDS: Final = 10**11
"""Seconds since the epoch reach this number in the year 5138, milliseconds had it in 1973."""
_CODE: Final = re.compile(r"-?\d{1,9}", re.ASCII)
_MAX_DATE: Final = 48
"""Characters of a moment in RFC 3339."""

_object = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True, slots=True)
class Quota:
    """What one answer says."""

    windows: tuple[QuotaWindow, ...] = ()
    balance: Balance | None = None


class NoQuota(msgspec.Struct, frozen=True, gc=False):
    """Why an answer says nothing, in a few words of our own: those of providers may quote a key."""

    reason: str


Reading: TypeAlias = Quota | NoQuota

NOT_READABLE: Final = NoQuota("its answer is not understood")


def document(body: bytes) -> dict[str, Any] | None:
    """Return the object that an answer consists of; None if it is something else, or too large."""
    if len(body) > MAX_ANSWER or is_dense(body):
        return None
    return try_decode(_object, body)


def member(value: object, name: str) -> dict[str, Any]:
    """Return a member that is an object; an empty one if there is none."""
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def objects(value: object) -> list[dict[str, Any]]:
    """Return the first objects of a list; none if it is something else."""
    return [item for item in value[:MAX_ITEMS] if isinstance(item, dict)] if isinstance(value, list) else []


def number(value: object) -> float | None:
    """Return a number that may stand in a text; None for anything else, and if it is not finite."""
    if isinstance(value, str):
        text = value.strip()
        value = float(text) if _NUMBER.fullmatch(text) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def moment(value: object, now: float) -> float | None:
    """Return a moment in seconds, or milliseconds, since the epoch, or in RFC 3339; None if it is far from now."""
    found = number(value)
    if found is None and isinstance(value, str) and len(value) <= _MAX_DATE:
        try:
            date = datetime.fromisoformat(value.strip())
            found = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError, OSError):
            return None
    if found is not None and found >= _MILLISECONDS:
        found /= 1000
    return found if found is not None and abs(found - now) <= MAX_AHEAD else None


def share(part: float | None, whole: float | None) -> float | None:
    """Return how much of a whole a part is, from 0 to 1; None if that makes no sense."""
    if part is None or whole is None or whole <= 0 or part < 0:
        return None
    return min(part / whole, 1.0)


def left(part: float | None, whole: float | None) -> float | None:
    """Return how much of a whole is used, from 0 to 1, if `part` of it is left; more than all of it is all."""
    if part is None or whole is None or whole <= 0:
        return None
    return min(max(1.0 - part / whole, 0.0), 1.0)


def counted(limit: object, used: object, remaining: object) -> float | None:
    """Return how much of a limit is used, by what is used and by what remains: the worse of both."""
    whole = number(limit)
    views = [view for view in (share(number(used), whole), left(number(remaining), whole)) if view is not None]
    return max(views, default=None)


def window(name: str, used: float | None, resets_at: float | None, *, blocks: bool = True) -> tuple[QuotaWindow, ...]:
    """Return a window; nothing if its name or how much of it is used is not known."""
    if used is None or not name:
        return ()
    return (QuotaWindow(name, used, resets_at, blocks=blocks and used >= 1.0),)


def worst(windows: list[QuotaWindow]) -> tuple[QuotaWindow, ...]:
    """Return one window for each name: the fullest; of equally full ones that whose reset is known and later."""
    found = dict[str, QuotaWindow]()
    for each in windows:
        known = found.get(each.name)
        if known is None or (each.used, each.resets_at or 0.0) > (known.used, known.resets_at or 0.0):
            found[each.name] = each
    return tuple(found.values())


def span(seconds: float | None) -> str:
    """Return the name of a window by its length: `5 h`, `day`, `week`, `month`; empty if that is not known."""
    if seconds is None or not 60 <= seconds <= MAX_AHEAD:
        return ""
    minutes = round(seconds / 60)
    if minutes % 60:
        return f"{minutes} min"
    hours = minutes // 60
    if hours % 24:
        return f"{hours} h"
    days = hours // 24
    return {1: "day", 7: "week"}.get(days) or ("month" if days in _MONTH else f"{days} days")


def without_odd_reset(each: QuotaWindow, now: float) -> QuotaWindow:
    """Return a window, without its reset if that is further ahead than the window is long: then it is another's."""
    length = _length(each.name)
    if length is None or each.resets_at is None or each.resets_at - now <= length + ODD:
        return each
    return replace(each, resets_at=None)


def _length(name: str) -> float | None:
    """Return the longest that a window of this name lasts, in seconds; None if the name does not say it."""
    found = _SPAN.match(name)
    if not found:
        return None
    return int(found[1] or 1) * _SPANS[found[2]]


def balance(amount: float | None, currency: object, *, is_spent: bool = False) -> Balance | None:
    """Return a balance; None if its amount or its currency is not known."""
    if amount is None or not isinstance(currency, str) or currency not in LOW_BALANCE:
        return None
    return Balance(round(amount, 4), currency, is_low=is_spent or amount < LOW_BALANCE[currency])


def error_code(value: object) -> str:
    """Return a provider's own error code if it is a number: a word could be a key."""
    text = str(value) if isinstance(value, int | str) else ""
    return text if _CODE.fullmatch(text) else "an error"
