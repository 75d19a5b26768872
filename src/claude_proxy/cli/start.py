"""`claude-proxy start`: the proxy, in the background."""

from __future__ import annotations

import os

import click

from claude_proxy.cli.background import admin_client, lifecycle
from claude_proxy.cli.background.admin_client import AdminClient
from claude_proxy.core.text import printable
from claude_proxy.store.home import Home


@click.command(epilog="\b\nExample:\n  claude-proxy start")
def start() -> None:
    """Start the proxy in the background, unless it already runs."""
    start_and_report(Home.find(os.environ))


def start_and_report(home: Home) -> None:
    """Start the home's proxy, and print its address, its providers and its warnings. Raises `CommandError`."""
    running, started = lifecycle.ensure(home)
    proxy = AdminClient.of(running, lifecycle.token_of(home))
    what = "started" if started else "already runs"
    click.echo(f"claude-proxy {printable(running.version)} {what} at {proxy.url} (pid {running.pid})")
    _report_status(proxy, started=started)


def _report_status(proxy: AdminClient, *, started: bool) -> None:
    try:
        status = proxy.status()
    except admin_client.ControlError:
        return
    if started:
        click.echo(f"It uses, in this order: {', '.join(printable(provider.name) for provider in status.providers)}")
    for warning in status.warnings:
        click.echo(f"warning: {printable(warning)}")
