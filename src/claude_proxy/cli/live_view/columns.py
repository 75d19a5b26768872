"""Rows of text as lines whose columns stand below each other.

Rich's own tables break a row into two lines, or make all columns narrower, if the width is too small. Here one column
gives way, so that a row stays a line and the numbers stay whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from rich.text import Text

GAP: Final = 2
"""Blanks between two columns."""
LEAST: Final = 6
"""Columns of a terminal that the column which gives way keeps."""

Row: TypeAlias = Sequence[Text]
"""Its cells; one with `justify="right"` stands at the right of its column."""


def aligned(rows: Sequence[Row], flexible: int, width: int) -> list[Text]:
    """Return a line for each row, none wider than `width`; the column of that number gives way."""
    if not rows:
        return []
    widths = [max(cell.cell_len for cell in column) for column in zip(*rows, strict=True)]
    room = width - sum(widths) - GAP * (len(widths) - 1)
    if room < 0:
        widths[flexible] = max(min(LEAST, widths[flexible]), widths[flexible] + room)
    return [_line(row, widths, width) for row in rows]


def _line(row: Row, widths: Sequence[int], width: int) -> Text:
    line = Text(" " * GAP).join(_fitted(cell, columns) for cell, columns in zip(row, widths, strict=True))
    line.rstrip()
    return cut(line, width)


def _fitted(cell: Text, columns: int) -> Text:
    fitted = cell.copy()
    if cell.justify == "right":
        fitted.pad_left(max(0, columns - cell.cell_len))
    fitted.truncate(columns, overflow="ellipsis", pad=True)
    return fitted


def cut(line: Text, width: int) -> Text:
    """Return a line that is not broken into two, and not wider than `width`."""
    line.no_wrap, line.overflow = True, "ellipsis"
    line.truncate(width, overflow="ellipsis")
    return line
