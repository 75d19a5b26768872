"""What a check finds."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from claude_proxy.cli.output.exit_codes import CommandError

Repair: TypeAlias = Callable[[], object]
"""Mends what was found. Raises `OSError` or `CommandError` where it cannot."""


class Verdict(enum.Enum):
    """How bad it is; the value is what programs are told."""

    OK = "ok"
    NOTE = "note"
    """Worth knowing: nothing fails because of it."""
    WRONG = "wrong"
    MENDED = "mended"
    """It was wrong, or worth knowing, until now."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `check` is a word for it; `what` and `mend` are for the user, without secrets."""

    check: str
    verdict: Verdict
    what: str
    mend: str = ""
    repair: Repair | None = field(default=None, repr=False, compare=False)
    """What `--fix` does about it; None where that is not for a program to do."""

    def repaired(self) -> Finding:
        """Mend it, and return what is to be told then."""
        if self.repair is None:
            return self
        try:
            self.repair()
        except (OSError, CommandError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else error
            return replace(self, mend=f"{self.mend} (that was tried, and failed: {why})", repair=None)
        return replace(self, verdict=Verdict.MENDED, mend="", repair=None)


def ok(check: str, what: str) -> Finding:
    """Return a finding of something that is as it should be."""
    return Finding(check, Verdict.OK, what)


def note(check: str, what: str, mend: str = "", repair: Repair | None = None) -> Finding:
    """Return a finding that is no fault, but may explain one."""
    return Finding(check, Verdict.NOTE, what, mend, repair)


def wrong(check: str, what: str, mend: str, repair: Repair | None = None) -> Finding:
    """Return a finding of a fault."""
    return Finding(check, Verdict.WRONG, what, mend, repair)
