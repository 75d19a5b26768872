"""Accounts to record, and what a database holds."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from claude_proxy.core.types import Account, Attempt, Cost, Ending, Usage

NOW = 1_800_000_000.0
USAGE = Usage(210, 95, 40, 1200, 30)
ATTEMPT = Attempt(
    "minimax",
    None,
    200,
    830.0,
    model="MiniMax-M3",
    credential="MINIMAX_API_KEY",
    started_ms=12.0,
    usage=USAGE,
    cost=Cost(0.5),
)


def account(**changes: Any) -> Account:
    values: dict[str, Any] = {
        "started_at": NOW,
        "session": "5f0c",
        "kind": "messages",
        "streaming": True,
        "requested_model": "claude-opus-5-5",
        "used_model": "MiniMax-M3",
        "provider": "minimax",
        "pinned": False,
        "status": 200,
        "attempts": (ATTEMPT,),
        "usage": USAGE,
        "ending": Ending.COMPLETE,
        "first_byte_ms": 842.0,
        "total_ms": 2310.0,
    }
    return Account(**{**values, **changes})


def rows(path: Path, query: str = "SELECT * FROM exchanges ORDER BY id") -> list[dict[str, Any]]:
    """Return what a query finds, as another process would read it."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query)]
