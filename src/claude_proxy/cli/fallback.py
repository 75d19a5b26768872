"""`claude-proxy fallback`: what the shell function `claude-fb` evaluates."""

from __future__ import annotations

import os

import click

from claude_proxy.cli.shell.quoting import Shell
from claude_proxy.cli.shell.target import activate_terminal, find_target, report_providers, report_start
from claude_proxy.cli.shell.terminal import EvaluatedCommand, say, shell_option
from claude_proxy.store.home import Home


@click.command(cls=EvaluatedCommand, usage="claude-fb", epilog="\b\nExample:\n  claude-proxy fallback --shell bash")
@shell_option
def fallback(*, shell: Shell) -> None:
    """What claude-fb evaluates: send this terminal's claude through the proxy, with failover over all providers.

    The proxy is started if necessary. The shell function comes from `claude-proxy init`.
    """
    target = find_target(Home.find(os.environ), None)
    report_start(target)
    say("Fallback mode in this terminal: claude uses the providers in this order. claude-reset turns it off.")
    report_providers(target.status)
    activate_terminal(shell, target)
