"""What a check finds."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from claude_proxy.cli.output.exit_codes import CommandError

Repair: TypeAlias = Callable[[], object]
"""Repairs what was found. Raises `OSError` or `CommandError` if it cannot."""


class Verdict(enum.Enum):
    """How bad it is; the value is for programs."""

    OK = "ok"
    NOTE = "note"
    """Worth knowing: nothing fails because of it."""
    WRONG = "wrong"
    FIXED = "fixed"
    """It was wrong, or worth knowing, until now."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. `check` is its name; `what` and `fix` are for the user, without secrets."""

    check: str
    verdict: Verdict
    what: str
    fix: str = ""
    repair: Repair | None = field(default=None, repr=False, compare=False)
    """What `--fix` does about it; None if the user has to do it."""

    def repaired(self) -> Finding:
        """Repair it, and return the finding after that."""
        if self.repair is None:
            return self
        try:
            self.repair()
        except (OSError, CommandError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else error
            return replace(self, fix=f"{self.fix} (--fix tried that, and failed: {why})", repair=None)
        return replace(self, verdict=Verdict.FIXED, fix="", repair=None)


def ok(check: str, what: str) -> Finding:
    """Return a finding of something that is as it should be."""
    return Finding(check, Verdict.OK, what)


def note(check: str, what: str, fix: str = "", repair: Repair | None = None) -> Finding:
    """Return a finding that is no fault, but may explain one."""
    return Finding(check, Verdict.NOTE, what, fix, repair)


def wrong(check: str, what: str, fix: str, repair: Repair | None = None) -> Finding:
    """Return a finding of a fault."""
    return Finding(check, Verdict.WRONG, what, fix, repair)
