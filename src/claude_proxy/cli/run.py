"""`claude-proxy run -- claude …`: a command in an environment that sends its requests through the proxy."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from claude_proxy.cli.claude_code import program
from claude_proxy.cli.output.exit_codes import CommandError, Exit
from claude_proxy.cli.output.program import STARTED_AS
from claude_proxy.cli.shell import activation
from claude_proxy.cli.shell.target import find_target, report_start, warn_of_conflicts
from claude_proxy.cli.shell.terminal import say
from claude_proxy.store.home import Home

PASSED_ON = ("SIGTERM", "SIGHUP")
"""Signals that only we receive. A Ctrl-C reaches the command by itself, since it shares our terminal."""

INSTALL_CLAUDE = "Install Claude Code first: npm install -g @anthropic-ai/claude-code"
IF_ALIAS = (
    "If claude is an alias or a function of your shell, `run` cannot see it: name the program that it runs, or type "
    "claude-fb and then claude."
)


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog="\b\nExamples:\n  claude-proxy run -- claude\n  claude-proxy run --provider moonshot -- claude -p 'say hi'",
)
@click.option("--provider", metavar="NAME", help="Use this provider only, without failover.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, required=True)
def run(*, provider: str | None, command: tuple[str, ...]) -> int:
    """Start the proxy if necessary, and run COMMAND through it. The exit code is the command's."""
    executable = _executable(command[0])
    target = find_target(Home.find(os.environ), provider)
    report_start(target)
    environ = activation.activated_environment(os.environ, target.activation)
    environ.pop(STARTED_AS, None)  # it says how this process was started, not those below it
    warn_of_conflicts(environ)
    return _run([executable, *command[1:]], environ)


def _executable(name: str) -> str:
    """Return the path of a command; on Windows this finds `claude.cmd` too. Raises `CommandError`."""
    if path := shutil.which(name):
        return path
    if len(Path(name).parts) > 1 and Path(name).exists():
        raise CommandError(f"{name} cannot be executed", code=Exit.CANNOT_EXECUTE)
    if name == program.NAME and (path := program.find_claude(os.environ)):
        say(f"claude is not on PATH; this is {path}")
        return path
    hint = f"{INSTALL_CLAUDE}\n{IF_ALIAS}" if name == program.NAME else ""
    raise CommandError(f"{name}: command not found", code=Exit.NOT_FOUND, hint=hint)


def _run(command: Sequence[str], environ: dict[str, str]) -> int:
    # A handler, and not SIG_IGN, which the command would inherit.
    signal.signal(signal.SIGINT, lambda *_: None)
    try:
        child = subprocess.Popen(command, env=environ)  # noqa: S603 - the user's own command
    except OSError as error:
        raise CommandError(f"{command[0]} cannot be executed: {error.strerror}", code=Exit.CANNOT_EXECUTE) from error
    for name in PASSED_ON:
        if number := getattr(signal, name, None):
            signal.signal(number, lambda received, _: child.send_signal(received))
    _forbid_core_dump()
    code = child.wait()
    return code if code >= 0 else 128 - code


def _forbid_core_dump() -> None:
    """Let a SIGQUIT write no core dump of this process, which holds the user's environment.

    The command is started before this: it keeps the limit that the user has set.
    """
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - not on Windows

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
