"""`claude-proxy top`: what the proxy does now, on the whole screen."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import click
from rich.console import Console, Group
from rich.live import Live

from claude_proxy.cli.background import lifecycle
from claude_proxy.cli.background.admin_client import AdminClient, ControlError, SilentError, UnknownError
from claude_proxy.cli.live_view.keys import ENDED, single_keys
from claude_proxy.cli.live_view.screen import Size, screen
from claude_proxy.cli.output.console import console, when
from claude_proxy.cli.output.exit_codes import CommandError, Exit
from claude_proxy.cli.output.program import start_command
from claude_proxy.core.live_report import LiveReport
from claude_proxy.store.home import Home
from claude_proxy.store.running import Running

PATH = "/admin/live"
REFRESH_SECONDS = 0.5
ASK_SECONDS = 1.0
"""For an answer: longer, and the keys would seem dead."""
LEAVE = {"q", "Q", "\x1b", ENDED}
"""Keys that leave, besides Ctrl-C."""
KEYS = "q: leave"
TERMINATED = 128 + 15
"""The exit code of a process that SIGTERM ended, as shells have it."""


@click.command(epilog="\b\nExamples:\n  claude-proxy top\n  claude-proxy top --once")
@click.option("--once", is_flag=True, help="Print it once, without taking the whole screen.")
def top(*, once: bool) -> int:
    """Watch the proxy: the requests in flight, the providers and their quota, and the last failovers.

    Tokens of an answer that has not ended are estimated. Where the output is no terminal, it is printed once.
    """
    home = Home.find(os.environ)
    running = lifecycle.require(home)
    watched = WatchedProxy(home, running)
    report = watched.first()
    out = console()
    if once or not out.is_terminal or out.is_dumb_terminal:
        _print(out, report)
    else:
        _watch(out, watched, report)
    return Exit.OK


class WatchedProxy:
    """The home's proxy, which may stop and start again while it is watched."""

    def __init__(self, home: Home, running: Running) -> None:
        self._home = home
        self._client = self._client_of(running)

    def first(self) -> LiveReport:
        """Ask for a report. Raises `CommandError`."""
        try:
            return self._client.get(PATH, LiveReport)
        except ControlError as error:
            raise lifecycle.status_error(self._client, error) from error

    def next(self) -> LiveReport:
        """Ask for a report, of a proxy that has taken the place of the old one too. Raises `ControlError`."""
        try:
            return self._client.get(PATH, LiveReport)
        except (UnknownError, SilentError):
            raise
        except ControlError:
            running = None
            with contextlib.suppress(CommandError):
                running = lifecycle.find(self._home)
            if running is None:
                raise
            self._client = self._client_of(running)
            return self._client.get(PATH, LiveReport)

    def _client_of(self, running: Running) -> AdminClient:
        client = AdminClient.of(running, lifecycle.token_of(self._home))
        return replace(client, timeout=ASK_SECONDS)


def _print(out: Console, report: LiveReport) -> None:
    for line in screen(report, Size(out.width), plain=_is_plain(out)):
        out.print(line)


def _watch(out: Console, watched: WatchedProxy, report: LiveReport) -> None:
    out.file = sys.stdout  # with the blanks at the ends of lines, which cover what was there before
    lost_at: float | None = None
    with _left_when_terminated(), single_keys() as key, Live(console=out, screen=True, auto_refresh=False) as live:
        while True:
            notice = "" if lost_at is None else _lost(lost_at)
            size = Size(out.width, out.height)
            live.update(
                Group(*screen(report, size, notice=notice, keys=KEYS, plain=_is_plain(out))),
                refresh=True,
            )
            if key(REFRESH_SECONDS) in LEAVE:
                return
            try:
                report, lost_at = watched.next(), None
            except ControlError:
                lost_at = lost_at or time.time()


def _lost(since: float) -> str:
    return f"No answer from the proxy since {when(since)}. Start it with: {start_command(os.environ)}"


def _is_plain(out: Console) -> bool:
    """Whether only ASCII is sure to be shown."""
    return out.options.ascii_only or out.legacy_windows


@contextlib.contextmanager
def _left_when_terminated() -> Iterator[None]:
    """Let SIGTERM end the block in order, so that the terminal gets its screen back."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
