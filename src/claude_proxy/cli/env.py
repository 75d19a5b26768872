"""`claude-proxy env`: statements for a shell to evaluate, which lead its terminal through the proxy, or back."""

from __future__ import annotations

import os

import click

from claude_proxy.cli.shell import activate
from claude_proxy.cli.shell.quoting import Shell
from claude_proxy.cli.shell.terminal import EvaluatedCommand, find_target, hand_out, shell_option, tell_start
from claude_proxy.store.home import Home


@click.command(
    cls=EvaluatedCommand,
    epilog="\b\nExamples:\n  claude-proxy env --shell bash\n  claude-proxy env --shell fish --provider moonshot\n"
    "  claude-proxy env --shell powershell --reset",
)
@shell_option
@click.option("--provider", metavar="NAME", help="Ask this provider only; without failover.")
@click.option("--reset", is_flag=True, help="Print the way back to what was set before.")
def env(*, shell: Shell, provider: str | None, reset: bool) -> None:
    """Print statements that lead a terminal through the proxy, for its shell to evaluate; they hold the token.

    The proxy is started if need be. What the variables held before is kept in CLAUDE_PROXY_SAVED and comes back with
    --reset. In bash: eval "$(claude-proxy env --shell bash)"
    """
    if reset and provider is not None:
        raise click.UsageError("--reset and --provider exclude each other")
    if reset:
        hand_out(shell, activate.take_back(os.environ))
        return
    way = find_target(Home.find(os.environ), provider)
    tell_start(way)
    hand_out(shell, activate.lead(os.environ, way.lead))
