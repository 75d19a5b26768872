"""`claude-proxy env`: statements for a shell to evaluate, which send its claude through the proxy, or no longer."""

from __future__ import annotations

import os

import click

from claude_proxy.cli.shell import activation
from claude_proxy.cli.shell.quoting import Shell
from claude_proxy.cli.shell.target import find_target, report_start
from claude_proxy.cli.shell.terminal import EvaluatedCommand, print_statements, report_not_restored, shell_option
from claude_proxy.store.home import Home


@click.command(
    cls=EvaluatedCommand,
    epilog="\b\nExamples:\n  claude-proxy env --shell bash\n  claude-proxy env --shell fish --provider moonshot\n"
    "  claude-proxy env --shell powershell --reset",
)
@shell_option
@click.option("--provider", metavar="NAME", help="Use this provider only, without failover.")
@click.option("--reset", is_flag=True, help="Print what restores the values from before.")
def env(*, shell: Shell, provider: str | None, reset: bool) -> None:
    """Print statements that send this terminal's claude through the proxy, for its shell to evaluate.

    They contain the token. The proxy is started if necessary. The shell keeps the variables' values from before, and
    --reset restores them. In bash: eval "$(claude-proxy env --shell bash)"
    """
    if reset and provider is not None:
        raise click.UsageError("--reset and --provider cannot be used together")
    if reset:
        report_not_restored(shell)
        print_statements(shell, activation.deactivate(os.environ))
        return
    target = find_target(Home.find(os.environ), provider)
    report_start(target)
    print_statements(shell, activation.activate(os.environ, target.activation))
