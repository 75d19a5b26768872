"""A report of what happens in the proxy, as lines that fit into a terminal of some size.

claude-proxy  2 in flight  today $1.24                                  14:05:22

request   model       provider  state                      time  tokens  tokens/s
…
provider  state       quota
…
last failovers
…
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rich.text import Text

from claude_proxy.cli.live_view.columns import Row, aligned, cut
from claude_proxy.cli.live_view.sections import failover_rows, provider_rows, request_rows
from claude_proxy.core.amounts import spent_in_words
from claude_proxy.core.live_report import LiveReport
from claude_proxy.core.text import PROGRAM

WIDE: Final = 100
"""Columns from which on the sessions are shown."""
LEAST_ROWS: Final = 3
"""What a section keeps if there is too little room: its titles, a row, and how many more there are."""
STATE_COLUMN: Final = -4
QUOTA_COLUMN: Final = 1
WAY_COLUMN: Final = 2


@dataclass(frozen=True, slots=True)
class Size:
    """Columns and lines of a terminal; `lines` is None if there is no end of them."""

    columns: int
    lines: int | None = None


def screen(report: LiveReport, size: Size, *, notice: str = "", keys: str = "", plain: bool = False) -> list[Text]:
    """Return the lines; `notice` is about the proxy itself, `keys` says how to leave. `plain` uses ASCII alone."""
    width = max(1, size.columns)
    requests = request_rows(report.requests, with_session=width >= WIDE)
    providers = provider_rows(report.providers, blocks=not plain)
    failovers = failover_rows(report.failovers, arrow="->" if plain else "→")
    parts = [len(requests) or 1, len(providers), len(failovers)]
    if size.lines is not None:
        parts = _shares(parts, size.lines - (7 if keys else 6) - bool(notice))
    lines = [_headline(report, width)]
    if notice:
        lines.append(Text(notice, "bold yellow"))
    lines += [Text(), *_section(requests, STATE_COLUMN, parts[0], width)]
    if not requests:
        lines.append(Text("no request in flight", "dim"))
    lines += [Text(), *_section(providers, QUOTA_COLUMN, parts[1], width), Text()]
    lines.append(Text("last failovers" if failovers else "no failover since the proxy started", "bold"))
    lines += _section(failovers, WAY_COLUMN, parts[2], width, titles=0)
    if size.lines is not None:
        lines = lines[: size.lines - bool(keys)]
        lines += [Text() for _ in range(size.lines - bool(keys) - len(lines))]
    return [cut(line, width) for line in [*lines, *([Text(keys, "dim")] if keys else [])]]


def _shares(wanted: Sequence[int], room: int) -> list[int]:
    """Return how many lines each section gets: all want some, and what one leaves is there for the others."""
    requests, providers, failovers = wanted
    kept = min(failovers, LEAST_ROWS)
    providers = max(0, min(providers, room - min(requests, LEAST_ROWS) - kept))
    requests = max(0, min(requests, room - providers - kept))
    return [requests, providers, max(0, min(failovers, room - providers - requests))]


def _section(rows: Sequence[Row], flexible: int, limit: int, width: int, *, titles: int = 1) -> list[Text]:
    """Return the lines of a section, the last of which says how many rows have no room."""
    shown = rows if len(rows) <= limit else rows[: max(0, limit - 1)]
    lines = aligned(shown, flexible, width)
    if len(shown) < len(rows) and limit > titles:
        lines.append(Text(f"and {len(rows) - max(titles, len(shown))} more", "dim"))
    return lines


def _headline(report: LiveReport, width: int) -> Text:
    line = Text(PROGRAM, "bold")
    line.append("  stopping" if report.draining else "", "yellow")
    line.append(f"  {report.in_flight} in flight", "")
    if spent := spent_in_words(report.spent_today):
        line.append(f"  today {spent}", "")
    clock = datetime.fromtimestamp(report.at).astimezone().strftime("%H:%M:%S")
    room = width - line.cell_len - len(clock)
    if room >= 2:
        line.append(" " * min(room, WIDE) + clock, "dim")
    return line
