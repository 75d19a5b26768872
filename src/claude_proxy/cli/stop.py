"""`claude-proxy stop`: waits for the requests in flight, then stops the proxy."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

import click

from claude_proxy.cli.background import lifecycle, processes
from claude_proxy.cli.background.admin_client import AdminClient, ControlError, UnreachableError
from claude_proxy.cli.background.processes import until
from claude_proxy.cli.output.exit_codes import CommandError
from claude_proxy.cli.output.program import force_reset_command, invocation
from claude_proxy.store.home import Home
from claude_proxy.store.running import Running, clear

FORCE_TIMEOUT = 5.0
"""Seconds that a proxy may take to end after it is told to cut its requests; then its process is killed."""

EXIT_TIMEOUT = 2.0
"""Seconds for the process to end after its proxy has stopped; some systems never show that."""


@click.command(epilog="\b\nExamples:\n  claude-proxy stop --timeout 30\n  claude-proxy stop --force")
@click.option("--force", is_flag=True, help="Cut the requests in flight at once.")
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="Stop waiting after this time.")
@click.option("--from-reset", is_flag=True, hidden=True)  # claude-reset calls this, and is to be called again
def stop(*, force: bool, timeout: float | None, from_reset: bool) -> None:
    """Stop the proxy when the requests in flight are answered. If it does not run, that is no error."""
    again = force_reset_command(os.environ) if from_reset else invocation("stop --force")
    home = Home.find(os.environ)
    if from_reset:
        _end_plan_cooldowns(home)
    stop_and_report(home, again, force=force, timeout=timeout)


def stop_and_report(home: Home, force_command: str, *, force: bool = False, timeout: float | None = None) -> None:
    """Stop the home's proxy, if it runs, and print what it waits for. Raises `CommandError`.

    `force_command` is what the user is told to type to cut the requests; `timeout` in seconds.
    """
    running = _find(home, force=force)
    if running is None:
        clear(home.running)  # stale
        click.echo("claude-proxy is not running")
        return
    if force:
        _force(home, running)
    else:
        _drain(home, running, force_command, timeout)
    running.remove(home.running)
    until(lambda: None if processes.alive(running.pid) else True, EXIT_TIMEOUT)
    click.echo("claude-proxy stopped")


def _end_plan_cooldowns(home: Home) -> None:
    """End the cooldowns of plans that are used up, so that the next start does not take them up again."""
    with suppress(CommandError, ControlError):  # it does not run, or `stop` says what is wrong
        if running := lifecycle.find(home):
            AdminClient.of(running, lifecycle.token_of(home)).end_plan_cooldowns()


def _find(home: Home, *, force: bool) -> Running | None:
    """Return the proxy to stop: one that listens, or still drains, or (with `force`) hangs."""
    try:
        return lifecycle.find(home) or lifecycle.find_draining(home)
    except CommandError:
        if force:
            return lifecycle.find_draining(home)
        raise


def _drain(home: Home, running: Running, force_command: str, timeout: float | None) -> None:
    try:
        if running.has_address:
            waiting = AdminClient.of(running, lifecycle.token_of(home)).stop(force=False)
            progress = f"waiting for {_requests(waiting)} in flight" if waiting else ""
        else:
            _signal(running, force_command)
            progress = f"waiting for the proxy (pid {running.pid}) to finish its requests"
    except UnreachableError:
        progress = "it is already stopping, and waits for the requests in flight"
    except ControlError as error:
        raise CommandError(f"the proxy does not stop: {error}", hint=f"`{force_command}` ends it.") from error
    if progress:
        click.echo(f"{progress} ({force_command} cuts them)")
    if not _wait(home, running, timeout):
        raise CommandError(
            f"the proxy still waits for requests after {timeout:g} s", hint=f"`{force_command}` cuts them."
        )


def _force(home: Home, running: Running) -> None:
    """Tell the proxy to cut its requests; kill it if it cannot be told, since it drains, hangs or has no token."""
    if not running.has_address:
        _kill(running)
        return
    try:
        cut = AdminClient.of(running, lifecycle.token_of(home)).stop(force=True)
    except (ControlError, CommandError):
        _kill(running)
        return
    if cut:
        click.echo(f"cutting {_requests(cut)} in flight")
    if not _wait(home, running, FORCE_TIMEOUT):
        _kill(running)


def _signal(running: Running, force_command: str) -> None:
    """Tell a proxy to stop of which only the process is known. A signal lets it finish its requests."""
    if sys.platform == "win32":
        raise CommandError("the proxy cannot be asked to stop", hint=f"`{force_command}` ends it.")
    try:
        os.kill(running.pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    except OSError as error:
        raise CommandError(f"process {running.pid} cannot be ended: {error.strerror}") from error


def _kill(running: Running) -> None:
    try:
        processes.kill(running.pid)
    except ProcessLookupError:
        return
    except OSError as error:
        raise CommandError(f"process {running.pid} cannot be ended: {error.strerror}") from error


def _wait(home: Home, running: Running, timeout: float | None) -> bool:
    return until(lambda: True if lifecycle.has_ended(home, running) else None, timeout) is not None


def _requests(count: int) -> str:
    return "1 request" if count == 1 else f"{count} requests"
