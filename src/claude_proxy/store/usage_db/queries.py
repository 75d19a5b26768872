"""What requests used and cost together, summed up by SQLite: for `usage` and the page.

An answer may come from several providers, one after the other, and each charges for its part. So tokens and costs by
provider and by model are those of the attempts; to save time, they are asked only of exchanges that had more than one,
or whose tokens belong to no answer that the client got.
"""

# ruff: noqa: S608 - the queries are put together from constants of this file

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final

from claude_proxy.core.usage_totals import CacheMisses, Group, Sum, Totals
from claude_proxy.store.usage_db.periods import Period

_COUNTS: Final = """
    COUNT(CASE WHEN kind <> 'count_tokens' THEN 1 END),
    COUNT(CASE WHEN ending = 'complete' AND status < 400 THEN NULL WHEN ending = 'client_left' THEN NULL
        WHEN status >= 400 OR ending <> 'recovered' THEN 1 END),
    SUM(failovers), SUM(ending = 'recovered'), TOTAL(anthropic_cost),
    COUNT(CASE WHEN anthropic_cost IS NULL AND output_tokens + input_tokens + cache_read_tokens > 0 THEN 1 END),
    TOTAL(anthropic_cost - cost)"""
"""What exchanges are asked, in the order of `_counted`. What most of them are is looked at first: it saves a fifth."""

_AMOUNTS: Final = """
    SUM(input_tokens), SUM(output_tokens), SUM(cache_read_tokens), SUM(cache_write_5m_tokens),
    SUM(cache_write_1h_tokens), TOTAL(cost), SUM(cost IS NULL), TOTAL(plan_cost), SUM(plan_cost IS NULL)"""
"""What exchanges or attempts are asked, in the order of `_amounts`."""

_BETWEEN: Final = "started_at >= :start AND started_at < :end"

NAMES: Final = {
    "provider": "provider",
    "model": "model",
    "session": "session",
    "prompt": "prompt",
    "class": "class",
    "agent": "CASE WHEN agent = '' THEN 'main' WHEN agent_type = '' THEN 'subagent' ELSE agent_type END",
}
"""What exchanges can be grouped by, and how it is asked for."""

_USED: Final = "input_tokens + output_tokens + cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens > 0"

_IN_PARTS: Final = "id IN (SELECT id FROM temp.in_parts)"
"""The exchanges whose attempts are asked; `_find_those_in_parts` fills the table."""

_OF_ANSWERS: Final = frozenset({"provider", "model"})
"""What the attempts of an exchange may differ in."""


def totals(database: sqlite3.Connection, periods: Sequence[Period]) -> list[Totals]:
    """Return what was used in each of some periods, which may overlap: no row is read twice."""
    cuts = sorted({moment for period in periods for moment in (period.start, period.end)})
    sums = {start: _total(database, start, end) for start, end in pairwise(cuts)}
    return [
        sum((part for start, part in sums.items() if period.start <= start < period.end), Totals())
        for period in periods
    ]


def groups(database: sqlite3.Connection, by: str, start: float, end: float) -> list[Group]:
    """Return what was used between two moments by each value of `by`, one of `NAMES`."""
    found: dict[str, Group] = {}
    for part in _parts(database, by, start, end):
        known = found.get(part.name)
        found[part.name] = known + part if known else part
    return list(found.values())


def cache_misses(database: sqlite3.Connection, start: float, end: float) -> list[CacheMisses]:
    """Return why less was read from prompt caches than should have been, the dearest reason first.

    Changes of messages are one reason, whichever message it was.
    """
    query = f"""SELECT CASE WHEN cache_miss GLOB 'message [0-9]* changed' THEN 'a message changed' ELSE cache_miss END,
            COUNT(*), SUM(MAX(0, cache_expected_tokens - cache_read_tokens)),
            TOTAL(cache_miss_cost), SUM(cache_miss_cost IS NULL)
        FROM exchanges WHERE {_BETWEEN} AND cache_miss <> '' GROUP BY 1 ORDER BY 4 DESC, 3 DESC, 1"""
    return [
        CacheMisses(reason, requests, tokens or 0, Sum(dollars, unknown))
        for reason, requests, tokens, dollars, unknown in database.execute(query, {"start": start, "end": end})
    ]


def _total(database: sqlite3.Connection, start: float, end: float) -> Totals:
    query = f"SELECT COUNT(*), {_COUNTS}, {_AMOUNTS} FROM exchanges WHERE {_BETWEEN}"
    count, *values = database.execute(query, {"start": start, "end": end}).fetchone()
    return _counted(values[:7]) + _amounts(values[7:]) if count else Totals()


def _parts(database: sqlite3.Connection, by: str, start: float, end: float) -> Iterator[Group]:
    """Yield groups, of which those with the same name have to be added up."""
    if by in _OF_ANSWERS:
        _find_those_in_parts(database, start, end)
        yield from _of_exchanges(database, by, start, end, f"AND NOT {_IN_PARTS}")
        yield from _of_exchanges_in_parts(database, by, start, end)
        yield from _of_their_attempts(database, by, start, end)
    else:
        yield from _of_exchanges(database, by, start, end)


def _find_those_in_parts(database: sqlite3.Connection, start: float, end: float) -> None:
    """Put their ids into a table of this connection's own, in memory."""
    database.execute("CREATE TEMP TABLE IF NOT EXISTS in_parts (id INTEGER PRIMARY KEY)")
    database.execute("DELETE FROM temp.in_parts")
    query = f"SELECT MIN(id), MAX(id) FROM exchanges WHERE {_BETWEEN}"
    ids = database.execute(query, {"start": start, "end": end}).fetchone()
    query = "SELECT exchange FROM attempts WHERE number = 2 AND exchange BETWEEN ? AND ?"
    database.execute(f"INSERT INTO temp.in_parts {query}", ids)
    query = f"SELECT id FROM exchanges WHERE {_BETWEEN} AND provider = '' AND {_USED}"
    database.execute(f"INSERT OR IGNORE INTO temp.in_parts {query}", {"start": start, "end": end})


def _of_exchanges(
    database: sqlite3.Connection, by: str, start: float, end: float, condition: str = ""
) -> Iterator[Group]:
    query = f"""SELECT {NAMES[by]}, MIN(started_at), MAX(started_at), {_COUNTS}, {_AMOUNTS}
        FROM exchanges WHERE {_BETWEEN} {condition} GROUP BY 1"""
    for name, first, last, *values in database.execute(query, {"start": start, "end": end}):
        yield Group(name, first, last, _counted(values[:7]) + _amounts(values[7:]))


def _of_exchanges_in_parts(database: sqlite3.Connection, by: str, start: float, end: float) -> Iterator[Group]:
    query = f"""SELECT {NAMES[by]}, MIN(started_at), MAX(started_at), {_COUNTS}
        FROM exchanges WHERE {_BETWEEN} AND {_IN_PARTS} GROUP BY 1"""
    for name, first, last, *values in database.execute(query, {"start": start, "end": end}):
        yield Group(name, first, last, replace(_counted(values), failovers=0))


def _of_their_attempts(database: sqlite3.Connection, by: str, start: float, end: float) -> Iterator[Group]:
    query = f"""SELECT attempts.{by}, MIN(started_at), MAX(started_at), COUNT(following.exchange),
            {_AMOUNTS.replace("(", "(attempts.")}
        FROM exchanges CROSS JOIN attempts ON attempts.exchange = exchanges.id
        LEFT JOIN attempts AS following ON following.exchange = attempts.exchange
            AND following.number = attempts.number + 1 AND following.provider <> attempts.provider
            AND following.purpose = ''
        WHERE {_BETWEEN} AND {_IN_PARTS} GROUP BY 1"""
    for name, first, last, failovers, *values in database.execute(query, {"start": start, "end": end}):
        yield Group(name, first, last, replace(_amounts(values), failovers=failovers))


def _counted(values: Sequence[Any]) -> Totals:
    requests, failed, failovers, saved, anthropic, unknown, saving = values
    return Totals(
        requests=requests,
        failed=failed,
        failovers=failovers,
        answers_saved=saved,
        anthropic_cost=Sum(anthropic, unknown),
        saving=saving,
    )


def _amounts(values: Sequence[Any]) -> Totals:
    fresh, output, read, written, written_1h, cost, unknown, plan_cost, plan_unknown = values
    return Totals(
        input_tokens=fresh,
        output_tokens=output,
        cache_read_tokens=read,
        cache_write_5m_tokens=written,
        cache_write_1h_tokens=written_1h,
        cost=Sum(cost, unknown),
        plan_cost=Sum(plan_cost, plan_unknown),
    )
