"""Moments by the clock on the user's wall, as all messages name them. The offset from UTC is passed in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone


def clock_time(at: float, now: float, utc_offset: int) -> str:
    """Return a moment as `14:05`, with the date before it if that is not today's; `utc_offset` in seconds."""
    zone = timezone(timedelta(seconds=utc_offset))
    then, today = (datetime.fromtimestamp(moment, UTC).astimezone(zone) for moment in (at, now))
    return then.strftime("%H:%M" if then.date() == today.date() else "%Y-%m-%d %H:%M")
