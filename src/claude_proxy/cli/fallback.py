"""`claude-proxy fallback`: what the shell function `claude-fb` evaluates."""

from __future__ import annotations

import os

import click

from claude_proxy.cli.shell.quoting import Shell
from claude_proxy.cli.shell.terminal import (
    EvaluatedCommand,
    find_target,
    lead_here,
    shell_option,
    tell,
    tell_providers,
    tell_start,
)
from claude_proxy.store.home import Home


@click.command(cls=EvaluatedCommand, epilog="\b\nExample:\n  claude-proxy fallback --shell bash")
@shell_option
def fallback(*, shell: Shell) -> None:
    """What claude-fb evaluates: lead this terminal's claude through the proxy, with failover over all providers.

    The proxy is started if need be. The shell function comes from `claude-proxy init`.
    """
    way = find_target(Home.find(os.environ), None)
    tell_start(way)
    tell("Fallback mode in this terminal: claude asks the providers in this order. claude-reset takes it back.")
    tell_providers(way.status)
    lead_here(shell, way)
