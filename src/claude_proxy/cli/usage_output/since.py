"""The value of `--since`: `7d`, `12h`, `2026-11-01`, `yesterday`."""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta
from typing import Final

import click

from claude_proxy.store.usage_db.periods import local_date, midnight

_SPAN: Final = re.compile(r"(\d{1,4})([hdw])")
_NAMED: Final = {"today": 0, "yesterday": 1}
_EARLIEST: Final = datetime(2000, 1, 1).timestamp()  # noqa: DTZ001 - the user's midnight


class Since(click.ParamType[float]):
    """A moment, by the user's clock, as seconds since the epoch. Days count with today: `1d` is today."""

    name = "when"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the moment, or fail with a message to the user."""
        now = time.time()
        start = _moment(str(value).strip().lower(), now)
        if start is None:
            self.fail(f"{value!r} is no time. Use 7d, 12h, 2w, yesterday, 2026-11-01 or 2026-11-01T14:00.", param, ctx)
        if not _EARLIEST <= start <= now:
            self.fail(f"{value!r} is {'in the future' if start > now else 'too long ago'}.", param, ctx)
        return start


def _moment(text: str, now: float) -> float | None:
    if text in _NAMED:
        return _days_ago(_NAMED[text], now)
    if span := _SPAN.fullmatch(text):
        count, unit = int(span[1]), span[2]
        return now - count * 3600 if unit == "h" else _days_ago(max(0, count * (7 if unit == "w" else 1) - 1), now)
    try:
        return datetime.fromisoformat(text).timestamp()  # without an offset: by the user's clock
    except (ValueError, OverflowError, OSError):
        return None


def _days_ago(days: int, now: float) -> float:
    return midnight(local_date(now) - timedelta(days=days))
