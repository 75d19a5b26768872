"""`claude-proxy reset`: what the shell function `claude-reset` evaluates."""

from __future__ import annotations

import os

import click

from claude_proxy.cli.claude_code import statusline_text
from claude_proxy.cli.shell import activation
from claude_proxy.cli.shell.quoting import Shell, quote
from claude_proxy.cli.shell.terminal import (
    EvaluatedCommand,
    print_statements,
    report_not_restored,
    say,
    shell_option,
)


@click.command(
    cls=EvaluatedCommand,
    usage="claude-reset [--force | --keep-proxy]",
    epilog="\b\nExample:\n  claude-proxy reset --shell bash --keep-proxy",
)
@shell_option
@click.option("--force", is_flag=True, help="Cut the requests in flight, of other terminals too.")
@click.option("--keep-proxy", is_flag=True, help="Leave the proxy running; reset this terminal only.")
def reset(*, shell: Shell, force: bool, keep_proxy: bool) -> None:
    """What claude-reset evaluates: restore this terminal's variables, and then stop the proxy.

    The proxy finishes the requests in flight first. Ctrl-C ends the waiting, and the proxy still stops after them.
    The shell function comes from `claude-proxy init`.
    """
    if force and keep_proxy:
        raise click.UsageError("--force and --keep-proxy cannot be used together")
    changes = activation.deactivate(os.environ)
    if changes:
        say("This terminal is back to normal: claude is not using the proxy.")
        if fixed := activation.readonly(os.environ, changes):
            say(f"Not restored, since it is readonly in this shell: {', '.join(fixed)}.")
        report_not_restored(shell)
    elif statusline_text.proxy_target_of(os.environ):
        say(f"{activation.BASE_URL} was not set by claude-fb, so it stays as it is.")
    else:
        say("This terminal was not using the proxy.")
    print_statements(
        shell, activation.changeable(os.environ, changes), *([] if keep_proxy else [_stop(shell, force=force)])
    )


def _stop(shell: Shell, *, force: bool) -> str:
    """Return the call of the shell's own function for `stop`; it runs once the variables are restored."""
    words = [quote(shell, word) for word in ["stop", "--from-reset", *(["--force"] if force else [])]]
    if shell is Shell.POWERSHELL:
        return f"Invoke-ClaudeProxyCommand -Words {', '.join(words)}"
    return " ".join(["_claude_proxy", *words])
