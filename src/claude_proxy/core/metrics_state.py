"""All that `/metrics` shows, as it is at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from claude_proxy.core.status_report import StatusReport
from claude_proxy.core.traffic import Traffic


@dataclass(frozen=True, slots=True)
class LedgerState:
    """How the writing of what requests used goes."""

    backlog: int
    """Requests that are not written yet."""
    problem: str = ""
    """Why nothing can be written; empty if it can."""


@dataclass(frozen=True, slots=True)
class MetricsState:
    """Nothing changes it, so that another thread may read it."""

    status: StatusReport
    traffic: Traffic
    ledger: LedgerState | None = None
    """None if nothing is written."""
