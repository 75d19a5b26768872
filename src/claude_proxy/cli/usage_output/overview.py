"""The overview of `usage`: a column for each period. It is shown without Rich, which takes as long as all the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import click

from claude_proxy.cli.output.program import invocation
from claude_proxy.cli.usage_output.report import UsageReport
from claude_proxy.core.amounts import dollars_of, short_count, short_dollars, short_share
from claude_proxy.core.usage_totals import Sum, Totals


def overview_lines(report: UsageReport, *, colour: bool) -> Iterator[str]:
    """Yield the lines: names of the periods, a line for each number, and what is not known."""
    totals = [group.totals for group in report.groups]
    rows = [["", *(group.name for group in report.groups)]]
    rows += [[label, *map(cell, totals)] for label, cell, is_empty in _numbers() if not all(map(is_empty, totals))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, (label, *cells) in enumerate(rows):
        padded = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        line = "  ".join([label.ljust(widths[0]), *padded])
        yield click.style(line, bold=True) if colour and not number else line
    for line in unknown_prices(max(totals, key=lambda t: t.cost.unknown)):
        yield click.style(line, fg="yellow") if colour else line


def _numbers() -> Iterator[tuple[str, Callable[[Totals], str], Callable[[Totals], bool]]]:
    """Yield the lines of the overview: label, cell, and whether a period has nothing to say there."""
    yield "requests", lambda t: f"{t.requests:,}", _never
    yield "tokens in", lambda t: short_count(t.all_input_tokens), _never
    yield "  read from the cache", lambda t: short_count(t.cache_read_tokens), _never
    yield "  written to the cache", lambda t: short_count(t.cache_write_tokens), _never
    yield "tokens out", lambda t: short_count(t.output_tokens), _never
    yield "cache share", lambda t: short_share(t.cache_share), _never
    yield "cost", cost, _never
    yield "plan, would be", plan_value, lambda t: not has_plan(t)
    yield "Anthropic's price", lambda t: dollars_of(t.anthropic_cost), lambda t: not t.anthropic_cost.dollars
    yield "  saving", lambda t: short_dollars(t.saving), lambda t: not t.saving
    yield "failovers", lambda t: f"{t.failovers:,}", _never
    yield "answers saved", lambda t: f"{t.answers_saved:,}", _never
    yield "failed requests", lambda t: f"{t.failed:,}", _never


def _never(_: Totals) -> bool:
    return False


def cost(totals: Totals) -> str:
    """Return what is charged; `plan` if plans paid for all of it."""
    return "plan" if has_plan(totals) and totals.cost == Sum() else dollars_of(totals.cost)


def plan_value(totals: Totals) -> str:
    """Return what the tokens that plans paid for would have cost."""
    return dollars_of(totals.plan_cost) if has_plan(totals) else "-"


def has_plan(totals: Totals) -> bool:
    """Whether a plan paid for some of it."""
    return totals.plan_cost != Sum()


def unknown_prices(totals: Totals) -> list[str]:
    """Return lines that say of how many requests the price is not known, and what to do about it."""
    count = totals.cost.unknown
    if not count:
        return []
    requests = "1 request is" if count == 1 else f"{count:,} requests are"
    return [
        f"{requests} without a known price. Set `price` in config.json.",
        f"`{invocation('usage --by model')}` shows the models.",
    ]
