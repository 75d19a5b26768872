"""`claude-proxy logs`: the end of proxy.log."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final, NoReturn, TypeAlias

import click

from claude_proxy.cli.background.processes import until
from claude_proxy.cli.output.console import PLAIN_WIDTH, has_colour
from claude_proxy.cli.output.exit_codes import CommandError
from claude_proxy.cli.output.number_types import WholeNumber
from claude_proxy.cli.output.readable_log import ReadableLog, concerns, has_failed
from claude_proxy.core.text import printable, word
from claude_proxy.store.home import Home
from claude_proxy.store.log_line import LoggedExchange, read_line
from claude_proxy.store.tail import MAX_LINE, Position, last_lines, lines_since
from claude_proxy.store.usage_db.periods import local_date

FOLLOW_SECONDS = 0.2
LINES_AT_ONCE = 100
MAX_CHARACTERS = MAX_LINE + 3
"""Of a line: all that is read of one."""
_FURTHER: Final = 10
"""How much further back the wanted lines are looked for if there are too few."""

Wanted: TypeAlias = Callable[[str], bool]


@click.command(
    epilog="\b\nExamples:\n  claude-proxy logs -f\n  claude-proxy logs -n 100 --failed\n"
    "  claude-proxy logs --provider minimax --raw"
)
@click.option("-f", "--follow", is_flag=True, help="Show new lines as they come, until Ctrl-C.")
@click.option("-n", "--lines", type=WholeNumber(min=0), default=20, show_default=True, help="How many lines.")
@click.option("--provider", metavar="NAME", help="Only requests that this provider was asked, and its cooldowns.")
@click.option("--failed", is_flag=True, help="Only requests that failed, or in which a provider failed.")
@click.option("--raw", is_flag=True, help="The lines as they are in proxy.log.")
def logs(*, follow: bool, lines: int, provider: str | None, failed: bool, raw: bool) -> None:
    """Show the end of proxy.log: a line for each request, with the providers it went to, the result and the cost."""
    path = Home.find(os.environ).log
    wanted = _wanted(provider, failed=failed)
    render = list[str] if raw else ReadableLog(_columns(), has_colour(), local_date(time.time())).render
    with _reading(path):
        last, position = _last(path, lines, wanted)
    printed = _print(path, last, render)
    if follow:
        _follow(path, position, wanted, render)
    if lines and not printed:
        click.echo(f"{path} has no {'such lines' if wanted else 'lines yet'}", err=True)


def _wanted(provider: str | None, *, failed: bool) -> Wanted | None:
    """Return what tells which lines to show; None if all are shown."""
    if provider is None and not failed:
        return None
    name = None if provider is None else word(provider)  # as the log has it

    def wanted(line: str) -> bool:
        entry = read_line(line)
        if entry is None or (failed and not (isinstance(entry, LoggedExchange) and has_failed(entry))):
            return False
        return name is None or concerns(entry, name)

    return wanted


def _columns() -> int:
    """Return the width of the terminal; without one, no line is made short."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() or has_colour() else PLAIN_WIDTH


def _last(path: Path, count: int, wanted: Wanted | None) -> tuple[Iterator[str], Position]:
    """Return the last lines that are wanted, and the position after them."""
    span = count
    while wanted and count:
        lines, position = last_lines(path, span)
        read, found = 0, deque[str](maxlen=count)
        for read, line in enumerate(lines, 1):  # noqa: B007 - the number of the last is used
            if wanted(line):
                found.append(line)
        if len(found) == count or read < span:
            return iter(found), position
        span *= _FURTHER
    return last_lines(path, count)


def _follow(
    path: Path, position: Position, wanted: Wanted | None, render: Callable[[list[str]], list[str]]
) -> NoReturn:
    def added() -> None:
        nonlocal position
        with _reading(path):
            lines, position = lines_since(path, position)
        _print(path, filter(wanted, lines) if wanted else lines, render)

    while True:
        until(added, every=FOLLOW_SECONDS)


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn an `OSError` of the block, which reads the log and writes nothing, into a `CommandError`."""
    try:
        yield
    except OSError as error:
        raise CommandError(f"{error.filename or path} cannot be read: {error.strerror}") from error


def _print(path: Path, lines: Iterator[str], render: Callable[[list[str]], list[str]]) -> int:
    """Print lines as they are read, many at once, and return how many there were."""
    printed = 0
    while True:
        with _reading(path):
            some = [printable(line, MAX_CHARACTERS) for line in islice(lines, LINES_AT_ONCE)]
        if not some:
            return printed
        click.echo("\n".join(render(some)), color=True)
        printed += len(some)
