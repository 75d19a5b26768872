"""`claude-proxy stop`: lets the requests in flight finish, then ends the proxy."""

from __future__ import annotations

import os

import click

from claude_proxy.cli.background import lifecycle, processes
from claude_proxy.cli.background.admin_client import AdminClient, ControlError, UnreachableError
from claude_proxy.cli.background.waiting import until
from claude_proxy.cli.output.exit_codes import CommandError
from claude_proxy.store.home import Home
from claude_proxy.store.running import Running, clear

FORCE_TIMEOUT = 5.0
"""Seconds that a proxy which was told to cut its requests may take to end, before its process is killed."""

EXIT_TIMEOUT = 2.0
"""Seconds for the process of a proxy that has let go of everything to be gone as well; some systems never show that."""


@click.command(epilog="\b\nExamples:\n  claude-proxy stop --timeout 30\n  claude-proxy stop --force")
@click.option("--force", is_flag=True, help="Cut the requests in flight, at once.")
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="Give up waiting after this time.")
def stop(*, force: bool, timeout: float | None) -> None:
    """Stop the proxy once the requests in flight are answered. Stopping what does not run is no error."""
    stop_and_tell(Home.find(os.environ), force=force, timeout=timeout)


def stop_and_tell(home: Home, *, force: bool = False, timeout: float | None = None) -> None:
    """End the home's proxy, if it runs, and print what is waited for; `timeout` in seconds. Raises `CommandError`."""
    running = _find(home, force=force)
    if running is None:
        clear(home.running)  # stale
        click.echo("claude-proxy is not running")
        return
    if force:
        _force(home, running)
    else:
        _drain(home, running, timeout)
    running.remove(home.running)
    until(lambda: None if processes.alive(running.pid) else True, EXIT_TIMEOUT)
    click.echo("claude-proxy stopped")


def _find(home: Home, *, force: bool) -> Running | None:
    """Return the proxy that is to end: one that listens, or still drains, or (with `force`) only hangs."""
    try:
        return lifecycle.find(home) or lifecycle.find_draining(home)
    except CommandError:
        if force:
            return lifecycle.find_draining(home)
        raise


def _drain(home: Home, running: Running, timeout: float | None) -> None:
    try:
        waiting = AdminClient.of(running, lifecycle.token_of(home)).stop(force=False)
        told = f"waiting for {_requests(waiting)} in flight" if waiting else ""
    except UnreachableError:
        told = "it is stopping already, and waits for the requests in flight"
    except ControlError as error:
        raise CommandError(f"the proxy does not stop: {error}", hint="`claude-proxy stop --force` ends it.") from error
    if told:
        click.echo(f"{told} (claude-proxy stop --force cuts them)")
    if not _wait(home, running, timeout):
        raise CommandError(
            f"the proxy still waits for requests after {timeout:g} s", hint="`claude-proxy stop --force` cuts them."
        )


def _force(home: Home, running: Running) -> None:
    """Tell the proxy to cut its requests; kill it where it cannot be told, since it drains, hangs or has no token."""
    try:
        cut = AdminClient.of(running, lifecycle.token_of(home)).stop(force=True)
    except (ControlError, CommandError):
        _kill(running)
        return
    if cut:
        click.echo(f"cutting {_requests(cut)} in flight")
    if not _wait(home, running, FORCE_TIMEOUT):
        _kill(running)


def _kill(running: Running) -> None:
    try:
        processes.kill(running.pid)
    except ProcessLookupError:
        return
    except OSError as error:
        raise CommandError(f"process {running.pid} cannot be ended: {error.strerror}") from error


def _wait(home: Home, running: Running, timeout: float | None) -> bool:
    return until(lambda: True if lifecycle.gone(home, running) else None, timeout) is not None


def _requests(count: int) -> str:
    return "1 request" if count == 1 else f"{count} requests"
