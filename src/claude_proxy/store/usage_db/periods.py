"""Days and months by the clock on the user's wall, as moments since the epoch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta


@dataclass(frozen=True, slots=True)
class Period:
    """From a moment up to another, which is not in it; in seconds since the epoch."""

    name: str
    start: float
    end: float


def local_date(at: float) -> date:
    """Return the day of a moment."""
    return datetime.fromtimestamp(at).astimezone().date()


def midnight(day: date) -> float:
    """Return when a day begins: at 1:00 if the clock goes forward at midnight, which `astimezone` takes for 23:00."""
    return datetime.combine(day, time()).timestamp()


def days(start: float, end: float) -> list[Period]:
    """Return the days from one moment to another, each named by its date. The first and the last are cut there."""
    found = []
    day, last = local_date(start), local_date(end)
    while day <= last:
        after = day + timedelta(days=1)
        found.append(Period(day.isoformat(), max(start, midnight(day)), min(end, midnight(after))))
        day = after
    return [period for period in found if period.start < period.end]


def overview(now: float) -> list[Period]:
    """Return today, the last seven days and this month, all up to the end of today."""
    today = local_date(now)
    end = midnight(today + timedelta(days=1))
    return [
        Period("today", midnight(today), end),
        Period("last 7 days", midnight(today - timedelta(days=6)), end),
        Period(f"{today:%B}", midnight(today.replace(day=1)), end),
    ]
