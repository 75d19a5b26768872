"""Output with colour and tables: colour on a terminal only and without NO_COLOR, no line characters anywhere."""

from __future__ import annotations

import os
import re
import sys
from datetime import datetime
from typing import TYPE_CHECKING, TextIO, cast

import click

from claude_proxy.core.body_limit import limit_in_words
from claude_proxy.core.text import escape_controls

if TYPE_CHECKING:  # rich takes as long to load as all other parts of most commands
    from rich.console import Console
    from rich.table import Table

    from claude_proxy.core.status_report import TooLarge

PLAIN_WIDTH = 10_000
"""Columns if the output is no terminal: no line is broken for a program that reads it."""

_FILLING = re.compile(r" +((?:\x1b\[[0-9;]*m)*)$", re.MULTILINE)
"""Blanks at the end of a line, maybe before the end of a colour."""


class _Trimmed:
    """Standard output without the blanks that fill the rows of tables."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        return self._file.write(_FILLING.sub(r"\1", text))

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)


def console() -> Console:
    """Return the console on standard output."""
    from claude_proxy.cli.output.safe_console import SafeConsole  # noqa: PLC0415

    created = SafeConsole(highlight=False, markup=False, emoji=False, soft_wrap=False)
    forced = created.is_terminal and os.environ.get("COLUMNS")  # FORCE_COLOR, and the width of a terminal
    if not sys.stdout.isatty() and not forced:
        created.width = PLAIN_WIDTH
    created.file = cast("TextIO", _Trimmed(sys.stdout))
    return created


def has_colour() -> bool:
    """Whether standard output takes colours, as Rich decides it: for output that needs nothing else of Rich."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (
        sys.stdout.isatty() and os.environ.get("TERM", "").lower() not in {"dumb", "unknown"}
    )


def table(*columns: str) -> Table:
    """Return a table without lines, which looks the same on every console."""
    from rich.table import Table  # noqa: PLC0415

    rows = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold", show_edge=False)
    for column in columns:
        rows.add_column(column, overflow="fold")
    return rows


def when(epoch: float) -> str:
    """Return a local time: `14:05` if it is today, else with the date."""
    then = datetime.fromtimestamp(epoch).astimezone()
    today = then.date() == datetime.now().astimezone().date()
    return then.strftime("%H:%M" if today else "%Y-%m-%d %H:%M")


def too_large_in_words(refused: TooLarge) -> str:
    """Return a sentence about a request that the proxy refused since it was too large."""
    count = "" if refused.count == 1 else f" ({refused.count} were since the proxy started)"
    limit = limit_in_words(refused.limit)
    return f"A request was refused at {when(refused.at)}{count}: it was over {limit}, the proxy's own limit."


def print_json(facts: object) -> None:
    """Print one JSON document, for programs. A terminal that shows it acts on nothing in it."""
    import msgspec  # noqa: PLC0415 - most commands print none

    click.echo(escape_controls(msgspec.json.format(msgspec.json.encode(facts), indent=2).decode()))
