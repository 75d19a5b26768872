"""`claude-proxy logs`: the end of proxy.log."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NoReturn

import click

from claude_proxy.cli.background.processes import until
from claude_proxy.cli.output.exit_codes import CommandError
from claude_proxy.cli.output.number_types import WholeNumber
from claude_proxy.core.text import printable
from claude_proxy.store.home import Home
from claude_proxy.store.tail import MAX_LINE, Position, last_lines, lines_since

FOLLOW_SECONDS = 0.2
LINES_AT_ONCE = 100
MAX_CHARACTERS = MAX_LINE + 3
"""Of a line: all that is read of one."""


@click.command(epilog="\b\nExamples:\n  claude-proxy logs -n 100\n  claude-proxy logs -f")
@click.option("-f", "--follow", is_flag=True, help="Show new lines as they come, until Ctrl-C.")
@click.option("-n", "--lines", type=WholeNumber(min=0), default=20, show_default=True, help="How many lines.")
def logs(*, follow: bool, lines: int) -> None:
    """Show the end of proxy.log: a line for each request, with the providers it went to and the result."""
    path = Home.find(os.environ).log
    with _reading(path):
        last, position = last_lines(path, lines)
    printed = _print(path, last)
    if follow:
        _follow(path, position)
    if lines and not printed:
        click.echo(f"{path} has no lines yet", err=True)


def _follow(path: Path, position: Position) -> NoReturn:
    def added() -> None:
        nonlocal position
        with _reading(path):
            lines, position = lines_since(path, position)
        _print(path, lines)

    while True:
        until(added, every=FOLLOW_SECONDS)


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn an `OSError` of the block, which reads the log and writes nothing, into a `CommandError`."""
    try:
        yield
    except OSError as error:
        raise CommandError(f"{error.filename or path} cannot be read: {error.strerror}") from error


def _print(path: Path, lines: Iterator[str]) -> int:
    """Print lines as they are read, many at once, and return how many there were."""
    printed = 0
    while True:
        with _reading(path):
            some = [printable(line, MAX_CHARACTERS) for line in islice(lines, LINES_AT_ONCE)]
        if not some:
            return printed
        click.echo("\n".join(some))
        printed += len(some)
