"""`claude-proxy reset`: what the shell function `claude-reset` evaluates."""

from __future__ import annotations

import os

import click

from claude_proxy.cli.claude_code import statusline_text
from claude_proxy.cli.shell import activate
from claude_proxy.cli.shell.quoting import Shell, quoted
from claude_proxy.cli.shell.terminal import EvaluatedCommand, hand_out, shell_option, tell


@click.command(cls=EvaluatedCommand, epilog="\b\nExample:\n  claude-proxy reset --shell bash --keep-proxy")
@shell_option
@click.option("--force", is_flag=True, help="Cut the requests in flight, of other terminals too.")
@click.option("--keep-proxy", is_flag=True, help="Leave the proxy running, and take back this terminal alone.")
def reset(*, shell: Shell, force: bool, keep_proxy: bool) -> None:
    """What claude-reset evaluates: take this terminal back to what it was, and then stop the proxy.

    The proxy finishes the requests in flight first. Ctrl-C ends the waiting: the proxy still stops after them. The
    shell function comes from `claude-proxy init`.
    """
    if force and keep_proxy:
        raise click.UsageError("--force and --keep-proxy exclude each other")
    changes = activate.take_back(os.environ)
    if changes:
        tell("This terminal is back to normal.")
    elif statusline_text.proxy_target_of(os.environ):
        tell(f"{activate.BASE_URL} was set by other means than claude-fb, so it stays as it is.")
    else:
        tell("This terminal was in normal mode.")
    hand_out(shell, changes, *([] if keep_proxy else [_stop(shell, force=force)]))


def _stop(shell: Shell, *, force: bool) -> str:
    """Return the call of the shell's own function for `stop`: it runs once the terminal is back, and can be left."""
    words = [quoted(shell, word) for word in ["stop", *(["--force"] if force else [])]]
    if shell is Shell.POWERSHELL:
        return f"Invoke-ClaudeProxyCommand -Words {', '.join(words)}"
    return " ".join(["_claude_proxy", *words])
