"""Reads a line of proxy.log, as `log.py` writes it today and as earlier versions wrote it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

NOTHING: Final = "-"
"""Stands for an empty text."""
_MAX_DIGITS: Final = 15
_TOO_LATE: Final = 2**33
"""Years in which a line can't have been written make no local time on every system."""


@dataclass(frozen=True, slots=True)
class LoggedAttempt:
    """A request to a provider, and its outcome: a status or a word."""

    provider: str
    outcome: str


@dataclass(frozen=True, slots=True)
class LoggedExchange:
    """A line about a request. What an earlier version did not write is empty or None."""

    at: float
    """When it ended, in seconds since the epoch."""
    values: Mapping[str, str]

    def text(self, name: str) -> str:
        """Return a value; empty if there is none."""
        value = self.values.get(name, "")
        return "" if value == NOTHING else value

    def count(self, name: str) -> int:
        """Return a number of tokens, or a status; 0 if there is none."""
        value = self.values.get(name, "")
        return int(value) if value.isdecimal() and len(value) <= _MAX_DIGITS else 0

    def milliseconds(self, name: str) -> float | None:
        return _number(self.values.get(name, "").removesuffix("ms"))

    def dollars(self, name: str) -> float | None:
        """Return a sum of money; None if it is not known."""
        return _number(self.values.get(name, ""))

    @property
    def models(self) -> tuple[str, str]:
        """The model that was asked for, and the one that was used."""
        requested, _, used = self.text("model").partition("->")
        return requested, used or requested

    @property
    def attempts(self) -> tuple[LoggedAttempt, ...]:
        found = []
        for attempt in filter(None, self.text("attempts").split(",")):
            provider, _, outcome = attempt.rpartition("/")[0].partition("=")
            found.append(LoggedAttempt(provider, outcome))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """A line about the service itself."""

    at: float
    text: str


def read_line(line: str) -> LoggedExchange | LoggedEvent | None:
    """Return what a line says; None if it is none of ours, or is damaged."""
    stamp, _, rest = line.partition(" ")
    kind, _, text = rest.partition(" ")
    try:
        at = datetime.fromisoformat(stamp).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    if not 0 <= at < _TOO_LATE:
        return None
    if kind == "service":
        return LoggedEvent(at, text)
    values = dict(pair.split("=", 1) for pair in text.split(" ") if "=" in pair)
    return LoggedExchange(at, values) if kind == "exchange" and "ending" in values else None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
