"""The tables of state/usage.db, and the steps that bring an older file up to date.

Times are seconds since the epoch, durations milliseconds, money US dollars. Unknown is NULL; an empty text means that
there is none. Nothing of a conversation and no key is ever in it.
"""

from __future__ import annotations

from typing import Final

import msgspec

APPLICATION_ID: Final = 0x436C5078
"""Stands in the file's head, so that a database of another program is known for what it is ("ClPx")."""


class Step(msgspec.Struct, frozen=True, gc=False):
    """One change of the tables: a file's version is the number of the steps that were made."""

    name: str
    statements: tuple[str, ...]


STEPS: Final = (
    Step(
        "a row for each exchange and each attempt",
        (
            """CREATE TABLE exchanges (
                id INTEGER PRIMARY KEY, started_at REAL NOT NULL, ended_at REAL NOT NULL,
                session TEXT NOT NULL, agent TEXT NOT NULL, parent_agent TEXT NOT NULL, agent_type TEXT NOT NULL,
                prompt TEXT NOT NULL, class TEXT NOT NULL,
                kind TEXT NOT NULL, streaming INTEGER NOT NULL, requested_model TEXT NOT NULL, model TEXT NOT NULL,
                provider TEXT NOT NULL, pinned INTEGER NOT NULL, status INTEGER NOT NULL, ending TEXT NOT NULL,
                input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, cache_read_tokens INTEGER NOT NULL,
                cache_write_5m_tokens INTEGER NOT NULL, cache_write_1h_tokens INTEGER NOT NULL,
                cost REAL, plan_cost REAL, anthropic_cost REAL,
                first_byte_ms REAL, total_ms REAL NOT NULL, failovers INTEGER NOT NULL,
                cache_expected_tokens INTEGER, cache_miss TEXT NOT NULL, cache_miss_cost REAL)""",
            "CREATE INDEX exchanges_by_time ON exchanges (started_at)",
            """CREATE TABLE attempts (
                exchange INTEGER NOT NULL, number INTEGER NOT NULL, provider TEXT NOT NULL, credential TEXT NOT NULL,
                model TEXT NOT NULL, outcome TEXT NOT NULL, status INTEGER, started_ms REAL NOT NULL,
                judged_ms REAL NOT NULL,
                input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, cache_read_tokens INTEGER NOT NULL,
                cache_write_5m_tokens INTEGER NOT NULL, cache_write_1h_tokens INTEGER NOT NULL,
                cost REAL, plan_cost REAL, PRIMARY KEY (exchange, number)) WITHOUT ROWID""",
        ),
    ),
    Step(
        "what an attempt was made for",
        ("ALTER TABLE attempts ADD COLUMN purpose TEXT NOT NULL DEFAULT ''",),
    ),
)
"""Never change one that was released: add another."""

VERSION: Final = len(STEPS)
