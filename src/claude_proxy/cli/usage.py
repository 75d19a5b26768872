"""`claude-proxy usage`: what requests used and cost."""

from __future__ import annotations

import importlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import click

from claude_proxy.cli.output.console import console, has_colour, print_json
from claude_proxy.cli.output.exit_codes import CommandError
from claude_proxy.cli.output.number_types import WholeNumber
from claude_proxy.cli.output.program import with_invocations
from claude_proxy.cli.usage_output import report
from claude_proxy.cli.usage_output.overview import overview_lines
from claude_proxy.cli.usage_output.since import Since
from claude_proxy.store.home import Home
from claude_proxy.store.usage_db.periods import Period, overview
from claude_proxy.store.usage_db.reading import NothingRecordedError, UnreadableError, reading

_Found = TypeVar("_Found")


@click.command(
    epilog="\b\nExamples:\n  claude-proxy usage\n  claude-proxy usage --by provider --since 30d\n"
    "  claude-proxy usage --by prompt --since today"
)
@click.option("--by", type=click.Choice(report.GROUPINGS), help="A row for each, of the last 7 days.")
@click.option("--since", type=Since(), metavar="WHEN", help="From when on: 7d, 12h, yesterday or 2026-11-01.")
@click.option("--cache", is_flag=True, help="Why prompt caches were missed, and what that cost.")
@click.option("-n", "--rows", type=WholeNumber(min=1), default=20, show_default=True, help="How many rows.")
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON object.")
@click.option("--csv", "as_csv", is_flag=True, help="For spreadsheets: all rows and columns.")
def usage(*, by: str | None, since: float | None, cache: bool, rows: int, as_json: bool, as_csv: bool) -> None:
    """Show what requests used and cost: today, in the last 7 days and this month, or by what they have in common."""
    if cache and by:
        raise click.UsageError("--cache and --by cannot be used together.")
    if as_json and as_csv:
        raise click.UsageError("--json and --csv cannot be used together.")
    if (by or cache) and not (as_json or as_csv):
        _load_tables()
    now = time.time()
    periods = overview(now) if since is None else [Period("since then", since, now)]
    start = since if since is not None else overview(now)[1].start
    for_people = not (as_json or as_csv)
    if cache:
        misses = _read(lambda database: report.of_cache(database, start, now), for_people=for_people)
        if misses:
            _show_cache(misses, as_json=as_json, as_csv=as_csv)
        return
    if by:
        found = _read(lambda database: report.grouped(database, by, start, now), for_people=for_people)
    else:
        found = _read(lambda database: report.of_periods(database, periods), for_people=for_people)
    if found:
        _show(found, rows, as_json=as_json, as_csv=as_csv)


def _load_tables() -> None:
    """Load Rich while SQLite sums up: each takes about as long as the other."""
    threading.Thread(target=importlib.import_module, args=("rich.table",), daemon=True).start()


def _read(query: Callable[[sqlite3.Connection | None], _Found], *, for_people: bool) -> _Found | None:
    """Return what a query finds. If nothing is recorded yet, people are told so; for programs the query gets None."""
    try:
        with reading(Home.find(os.environ).usage) as database:
            return query(database)
    except NothingRecordedError as error:
        click.echo(str(error), err=True)
        return None if for_people else query(None)
    except UnreadableError as error:
        raise CommandError(with_invocations(str(error))) from error


def _show(found: report.UsageReport, rows: int, *, as_json: bool, as_csv: bool) -> None:
    if as_json or as_csv:
        from claude_proxy.cli.usage_output import export  # noqa: PLC0415 - not for people, who wait

        print_json(export.usage_facts(found)) if as_json else click.echo(export.usage_csv(found), nl=False)
        return
    if found.by == report.PERIOD:
        click.echo("\n".join(overview_lines(found, colour=has_colour())), color=True)
        return
    from claude_proxy.cli.usage_output import tables  # noqa: PLC0415 - Rich is loaded by now

    tables.show_groups(console(), found, rows)


def _show_cache(found: report.CacheReport, *, as_json: bool, as_csv: bool) -> None:
    if as_json or as_csv:
        from claude_proxy.cli.usage_output import export  # noqa: PLC0415 - as above

        print_json(export.cache_facts(found)) if as_json else click.echo(export.cache_csv(found), nl=False)
        return
    from claude_proxy.cli.usage_output import tables  # noqa: PLC0415 - as above

    tables.show_cache(console(), found)
