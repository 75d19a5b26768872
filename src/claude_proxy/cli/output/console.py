"""Output with colour and tables: colour on a terminal only, none where NO_COLOR is set, plain letters everywhere."""

from __future__ import annotations

from datetime import datetime

from rich.console import Console
from rich.table import Table

PLAIN_WIDTH = 200
"""Columns where the output is no terminal: wide enough that no row is broken for a program that reads it."""


def console() -> Console:
    """Return the console on standard output."""
    made = Console(highlight=False, markup=False, emoji=False, soft_wrap=False)
    if not made.is_terminal:
        made.width = PLAIN_WIDTH
    return made


def table(*columns: str) -> Table:
    """Return a table without lines, so that it looks the same on every console."""
    made = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold", show_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def when(epoch: float) -> str:
    """Return a local time: the hour where it is today, the date as well where it is not."""
    then = datetime.fromtimestamp(epoch).astimezone()
    today = then.date() == datetime.now().astimezone().date()
    return then.strftime("%H:%M" if today else "%Y-%m-%d %H:%M")
