"""`claude-proxy logs`: the end of proxy.log."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import click

from claude_proxy.cli.background.processes import until
from claude_proxy.cli.output.exit_codes import CommandError
from claude_proxy.cli.output.number_types import WholeNumber
from claude_proxy.store.home import Home
from claude_proxy.store.tail import Position, last_lines, lines_since

FOLLOW_SECONDS = 0.2


@click.command(epilog="\b\nExamples:\n  claude-proxy logs -n 100\n  claude-proxy logs -f")
@click.option("-f", "--follow", is_flag=True, help="Show new lines as they come, until Ctrl-C.")
@click.option("-n", "--lines", type=WholeNumber(min=0), default=20, show_default=True, help="How many lines.")
def logs(*, follow: bool, lines: int) -> None:
    """Show the end of proxy.log: a line for each request, with the providers it went to and the result."""
    path = Home.find(os.environ).log
    with _reading(path):
        last, position = last_lines(path, lines)
    _print(last)
    if follow:
        _follow(path, position)
    if lines and not last:
        click.echo(f"{path} has no lines yet", err=True)


def _follow(path: Path, position: Position) -> NoReturn:
    def added() -> None:
        nonlocal position
        with _reading(path):
            lines, position = lines_since(path, position)
        _print(lines)

    while True:
        until(added, every=FOLLOW_SECONDS)


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn an `OSError` of the block, which reads the log and writes nothing, into a `CommandError`."""
    try:
        yield
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from error


def _print(lines: list[str]) -> None:
    if lines:
        click.echo("\n".join(lines))
