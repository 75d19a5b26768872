"""`claude-proxy switch`: what the shell function `claude-switch` evaluates."""

from __future__ import annotations

import os

import click

from claude_proxy.cli.output.exit_codes import CommandError
from claude_proxy.cli.shell import activation
from claude_proxy.cli.shell.quoting import Shell
from claude_proxy.cli.shell.target import activate_terminal, find_target, report_start
from claude_proxy.cli.shell.terminal import EvaluatedCommand, say, shell_option
from claude_proxy.store.home import Home


@click.command(
    cls=EvaluatedCommand,
    usage="claude-switch NAME",
    epilog="\b\nExamples:\n  claude-proxy switch --shell bash moonshot\n  claude-proxy switch --shell bash --list",
)
@shell_option
@click.argument("name", required=False)
@click.option("--provider", metavar="NAME", help="The same as NAME.")
@click.option("--list", "listed", is_flag=True, help="Only print the providers' names, for completion.")
def switch(*, shell: Shell, name: str | None, provider: str | None, listed: bool) -> None:
    """What claude-switch evaluates: send this terminal's claude to the provider NAME alone, without failover.

    The proxy is started if necessary. The shell function comes from `claude-proxy init`.
    """
    home = Home.find(os.environ)
    if listed:
        _list(home)
        return
    target = find_target(home, _chosen(name, provider, home))
    report_start(target)
    pin = target.activation.pin
    say(f"This terminal's claude uses {pin} alone. claude-fb switches back to all, claude-reset turns the proxy off.")
    activate_terminal(shell, target)


def _list(home: Home) -> None:
    """Print the names, but not if the shell function would evaluate them and run programs of these names."""
    evaluated = activation.UNEXPORTED in os.environ
    for known in _names(home):
        click.echo(known, err=evaluated)


def _chosen(name: str | None, provider: str | None, home: Home) -> str:
    if name and provider and name != provider:
        raise click.UsageError(f"two providers are named: {name} and {provider}")
    if chosen := name or provider:
        return chosen
    known = ", ".join(_names(home))
    raise click.UsageError("name a provider" + (f". Choose one of: {known}" if known else ""))


def _names(home: Home) -> list[str]:
    """Return the configured providers to switch to; none if the configuration has a fault."""
    # only to list names: with a name, the running proxy knows all that is needed
    from claude_proxy.cli.user_config.config_files import load_config  # noqa: PLC0415

    try:
        return [provider.name for provider in load_config(home).providers]
    except CommandError:
        return []
