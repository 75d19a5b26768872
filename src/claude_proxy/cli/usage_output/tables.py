"""The tables of `usage`, for people: as many columns as fit into the terminal and have something to say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from claude_proxy.cli.output.console import PLAIN_WIDTH, table, when
from claude_proxy.cli.usage_output.overview import cost, has_plan, plan_value, unknown_prices
from claude_proxy.cli.usage_output.report import DAY, CacheReport, UsageReport
from claude_proxy.core.amounts import dollars_of, short_count, short_dollars, short_share
from claude_proxy.core.text import printable
from claude_proxy.core.usage_totals import Group, Totals

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

MAX_NAME: Final = 40
_ID_LENGTH: Final = 8
"""Characters of a session's or a prompt's id, which tell it from the others of a user."""
_IDS: Final = frozenset({"session", "prompt"})
_UNNAMED: Final = {"provider": "(none answered)", "model": "(none answered)"}
_NOT_TOLD: Final = "(not told)"


def _some(count: int) -> str:
    return f"{count:,}" if count else "-"


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of the table of groups."""

    head: str
    cell: Callable[[Totals], str]
    importance: int
    """The least important columns are left out first if the terminal is narrow."""
    is_empty: Callable[[Totals], bool] = lambda _: False
    """Whether a group has nothing to say here; a column in which none has is left out."""


_COLUMNS: Final = (
    _Column("requests", lambda t: f"{t.requests:,}", 7),
    _Column("in", lambda t: short_count(t.all_input_tokens), 8),
    _Column("out", lambda t: short_count(t.output_tokens), 8),
    _Column("cached", lambda t: short_count(t.cache_read_tokens), 6),
    _Column("written", lambda t: short_count(t.cache_write_tokens), 2, lambda t: not t.cache_write_tokens),
    _Column("share", lambda t: short_share(t.cache_share), 5),
    _Column("cost", cost, 9),
    _Column("plan value", plan_value, 6, lambda t: not has_plan(t)),
    _Column("failovers", lambda t: _some(t.failovers), 4, lambda t: not t.failovers),
    _Column("failed", lambda t: _some(t.failed), 3, lambda t: not t.failed),
    _Column("saved", lambda t: _some(t.answers_saved), 1, lambda t: not t.answers_saved),
    _Column("Anthropic", lambda t: dollars_of(t.anthropic_cost), 1, lambda t: not t.anthropic_cost.dollars),
    _Column("saving", lambda t: short_dollars(t.saving), 1, lambda t: not t.saving),
)


def show_groups(out: Console, report: UsageReport, limit: int) -> None:
    """Show a row for each group up to a limit, then the total."""
    out.print(f"By {report.by}, since {when(report.start)}", style="bold")
    if not report.groups:
        out.print("No requests.")
        return
    shown = report.groups[-limit:] if report.by == DAY else report.groups[:limit]
    columns = _fitting(out, report, shown)
    out.print(_table(report, shown, columns))
    if hidden := len(report.groups) - len(shown):
        out.print(f"{hidden:,} more: -n {len(report.groups)} shows all", style="dim")
    if len(columns) < len(_telling(report)):
        out.print("More columns in a wider terminal, or with --csv", style="dim")
    for line in unknown_prices(report.total):
        out.print(line, style="yellow")


def _fitting(out: Console, report: UsageReport, shown: Sequence[Group]) -> Sequence[_Column]:
    """Return the columns that have something to say, without the least important that do not fit."""
    columns = _telling(report)
    unlimited = out.options.update(max_width=PLAIN_WIDTH)
    while len(columns) > 1 and out.measure(_table(report, shown, columns), options=unlimited).maximum > out.width:
        least = min(columns, key=lambda column: column.importance)
        columns = [column for column in columns if column is not least]
    return columns


def _telling(report: UsageReport) -> list[_Column]:
    return [column for column in _COLUMNS if not all(column.is_empty(group.totals) for group in report.groups)]


def _table(report: UsageReport, shown: Sequence[Group], columns: Sequence[_Column]) -> Table:
    rows = table(report.by, *(["when"] if report.by in _IDS else []), *(column.head for column in columns))
    for column in rows.columns[-len(columns) :]:
        column.justify = "right"
    for group in shown:
        began = [when(group.first)] if report.by in _IDS else []
        rows.add_row(_name(report.by, group.name), *began, *(column.cell(group.totals) for column in columns))
    if len(report.groups) > 1:
        blank = [""] if report.by in _IDS else []
        rows.add_row("total", *blank, *(column.cell(report.total) for column in columns), style="bold")
    return rows


def _name(by: str, name: str) -> str:
    if not name:
        return _UNNAMED.get(by, _NOT_TOLD)
    return printable(name, _ID_LENGTH + 3)[:_ID_LENGTH] if by in _IDS else printable(name, MAX_NAME)


def show_cache(out: Console, report: CacheReport) -> None:
    """Show why caches were missed, and what that cost."""
    if not report.total.all_input_tokens:
        out.print(f"Since {when(report.start)}, no input was recorded", style="bold")
        return
    share = short_share(report.total.cache_share)
    out.print(f"Since {when(report.start)}, {share} of all input came from prompt caches", style="bold")
    if not report.misses:
        out.print("No request missed what it should have found in the cache.")
        return
    rows = table("reason", "requests", "tokens", "extra cost")
    for column in rows.columns[1:]:
        column.justify = "right"
    for miss in report.misses:
        reason = printable(miss.reason, MAX_NAME)
        rows.add_row(reason, f"{miss.requests:,}", short_count(miss.tokens), dollars_of(miss.cost))
    out.print(rows)
