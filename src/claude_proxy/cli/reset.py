"""`claude-proxy reset`: what the shell function `claude-reset` evaluates."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import click

from claude_proxy.cli.background import lifecycle
from claude_proxy.cli.background.admin_client import AdminClient, ControlError
from claude_proxy.cli.claude_code import settings_files, statusline_text
from claude_proxy.cli.claude_code.saved_models import FIX, saved_models
from claude_proxy.cli.output.console import when
from claude_proxy.cli.output.exit_codes import CommandError
from claude_proxy.cli.shell import activation
from claude_proxy.cli.shell.quoting import Shell, quote
from claude_proxy.cli.shell.terminal import (
    EvaluatedCommand,
    print_statements,
    report_not_restored,
    say,
    shell_option,
)
from claude_proxy.core.text import printable
from claude_proxy.store.home import Home

RECENT = 600.0
"""Seconds since its last answer for which a session may still run."""
MAX_NAMED = 5


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
    for saved in saved_models(settings_files.sources(os.environ, settings_files.working_folder())):
        say(f"{saved}. {FIX}")
    if not keep_proxy:
        for text in _recent_sessions(time.time()):
            say(text)
    print_statements(
        shell, activation.changeable(os.environ, changes), *([] if keep_proxy else [_stop(shell, force=force)])
    )


def _recent_sessions(now: float) -> Iterator[str]:
    """Name the sessions that the proxy answered lately: they cannot go on without it."""
    home = Home.find(os.environ)
    try:
        running = lifecycle.find(home)
        sessions = AdminClient.of(running, lifecycle.token_of(home)).status().sessions if running else {}
    except (CommandError, ControlError, OSError):
        return  # `stop` says what is wrong
    recent = [(name, answer) for name, answer in sessions.items() if now - answer.at < RECENT]
    if not recent:
        return
    count = "1 session of Claude Code" if len(recent) == 1 else f"{len(recent)} sessions of Claude Code"
    yield f"{count} used the proxy in the last {RECENT // 60:.0f} minutes, in this terminal or in others:"
    for name, answer in recent[: -MAX_NAMED - 1 : -1]:
        yield f"  {printable(name, 36)}  {when(answer.at)}  {answer.provider} ({printable(answer.model, 64)})"
    yield "Those that still run cannot go on without the proxy. Type claude-fb there, and they go on."
    yield "Next time, claude-reset --keep-proxy leaves the proxy running."


def _stop(shell: Shell, *, force: bool) -> str:
    """Return the call of the shell's own function for `stop`; it runs once the variables are restored."""
    words = [quote(shell, word) for word in ["stop", "--from-reset", *(["--force"] if force else [])]]
    if shell is Shell.POWERSHELL:
        return f"Invoke-ClaudeProxyCommand -Words {', '.join(words)}"
    return " ".join(["_claude_proxy", *words])
