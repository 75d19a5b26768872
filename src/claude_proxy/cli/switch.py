"""`claude-proxy switch`: what the shell function `claude-switch` evaluates."""

from __future__ import annotations

import os

import click

from claude_proxy.cli.output.exit_codes import CommandError
from claude_proxy.cli.output.load_config import load_config
from claude_proxy.cli.shell import activate
from claude_proxy.cli.shell.quoting import Shell
from claude_proxy.cli.shell.terminal import (
    EvaluatedCommand,
    find_target,
    lead_here,
    shell_option,
    tell,
    tell_start,
)
from claude_proxy.store.home import Home


@click.command(
    cls=EvaluatedCommand,
    epilog="\b\nExamples:\n  claude-proxy switch --shell bash moonshot\n  claude-proxy switch --shell bash --list",
)
@shell_option
@click.argument("name", required=False)
@click.option("--provider", metavar="NAME", help="The same as NAME.")
@click.option("--list", "listed", is_flag=True, help="Only print the providers' names, for completion.")
def switch(*, shell: Shell, name: str | None, provider: str | None, listed: bool) -> None:
    """What claude-switch evaluates: lead this terminal's claude to the provider NAME alone, without failover.

    The proxy is started if need be. The shell function comes from `claude-proxy init`.
    """
    home = Home.find(os.environ)
    if listed:
        _list(home)
        return
    way = find_target(home, _one(name, provider, home))
    tell_start(way)
    tell(f"This terminal's claude asks {way.lead.pin} alone. claude-fb goes back to all, claude-reset to normal.")
    lead_here(shell, way)


def _list(home: Home) -> None:
    """Print the names: never where the shell function would evaluate them, and run programs of these names."""
    evaluated = activate.UNEXPORTED in os.environ
    for known in _names(home):
        click.echo(known, err=evaluated)


def _one(name: str | None, provider: str | None, home: Home) -> str:
    if name and provider and name != provider:
        raise click.UsageError(f"two providers are named: {name} and {provider}")
    if chosen := name or provider:
        return chosen
    known = ", ".join(_names(home))
    raise click.UsageError("which provider?" + (f" There are: {known}" if known else ""))


def _names(home: Home) -> list[str]:
    """Return the providers that can be switched to, as configured; none where the configuration has a fault."""
    try:
        return [provider.name for provider in load_config(home).providers]
    except CommandError:
        return []
