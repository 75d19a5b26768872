"""How requests ended, and what ended in a way that must not be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

MAX_SHOWN: Final = 20

WHOLE: Final = "whole"
ERROR_EVENT: Final = "one error event"
LEFT: Final = "the client left"
ENDED: Final = "the proxy ended it"
NEVER_READS: Final = "never reads"
NO_CONNECTION: Final = "(found no proxy at first)"


@dataclass(slots=True)
class Endings:
    """Counts how requests ended. A finding is an ending that must not be: told with what the providers did."""

    counts: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)

    def end(self, ending: str) -> None:
        """Count a request."""
        self.counts[ending] += 1

    def find(self, what: str) -> None:
        """Note what must not be."""
        self.counts["WRONG"] += 1
        self.findings.append(what)

    @property
    def total(self) -> int:
        """How many requests have ended."""
        return self.counts.total()

    @property
    def shown(self) -> Sequence[str]:
        """The first findings."""
        return self.findings[:MAX_SHOWN]
