"""All that `/metrics` shows, as it is at one moment."""

from __future__ import annotations

import msgspec

from claude_proxy.core.status_report import StatusReport
from claude_proxy.core.traffic import Traffic


class LedgerState(msgspec.Struct, frozen=True, gc=False):
    """How the writing of what requests used goes."""

    backlog: int
    """Requests that are not written yet."""
    problem: str = ""
    """Why nothing can be written; empty if it can."""


class MetricsState(msgspec.Struct, frozen=True, gc=False):
    """Nothing changes it, so that another thread may read it."""

    status: StatusReport
    traffic: Traffic
    ledger: LedgerState | None = None
    """None if nothing is written."""
