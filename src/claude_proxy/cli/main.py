"""The command `claude-proxy`: finds the subcommand, shows its errors, and gives the exit code."""

from __future__ import annotations

import errno
import io
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from typing import TextIO

import click

from claude_proxy.cli.output.exit_codes import ERROR, EXIT_CODES_HELP, CommandError, Exit, described
from claude_proxy.cli.output.lazy_group import LazyGroup
from claude_proxy.store.files import write_private
from claude_proxy.store.home import HOME_VARIABLE, Home, HomeError

PROGRAM = "claude-proxy"

OUTPUT_ERRORS = {errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EBADF, errno.EFBIG}
"""What the system says where standard output cannot be written; it names no file then."""

COMMANDS = {
    "start": "Start the proxy in the background.",
    "stop": "Let the requests in flight finish, then end the proxy.",
    "restart": "Stop, then start.",
    "status": "Show whether the proxy runs, and how its providers are.",
    "explain": "Show what would happen to a request now, and why.",
    "rules": "Show what providers have taught by refusing it, or forget it.",
    "run": "Run a command, such as claude, through the proxy.",
    "init": "Print the shell functions, such as claude-fb, or install them.",
    "env": "Print what leads a shell through the proxy, or back.",
    "fallback": "What claude-fb evaluates.",
    "switch": "What claude-switch evaluates.",
    "reset": "What claude-reset evaluates.",
    "logs": "Show proxy.log.",
    "doctor": "Look at the whole set-up, and with --fix mend it.",
    "statusline": "Print the line for Claude Code's status line.",
    "providers": "List the providers, add one, try one; the catalogue.",
    "check": "Check the configuration, and with --live the keys.",
    "demo": "See a failover at work, without any key.",
    "serve": "Run the proxy in this terminal.",
    "version": "Show the version.",
}


class _Commands(LazyGroup):
    package = "claude_proxy.cli"
    known = COMMANDS


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=f"\b\nExample:\n  {PROGRAM} run -- claude\n\n\b\n{EXIT_CODES_HELP}",
)
def claude_proxy() -> None:
    """Keep Claude Code working: each request goes to the first provider that can answer it.

    The configuration is config.json and .env in ~/.claude-proxy, or in the folder that $CLAUDE_PROXY_HOME names.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line (default: that of this process) and return its exit code. No traceback comes out."""
    _stand_in_for_closed_streams()
    _tolerate_narrow_consoles()
    try:
        code = _invoke(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
    except OSError as error:
        _silence(sys.stdout)
        if not isinstance(error, BrokenPipeError):  # where whoever read our output, such as `head`, has seen enough
            _complain(f"{ERROR}the output cannot be written: {described(error)}")
        return Exit.FAILED
    return code


def _invoke(arguments: Sequence[str]) -> int:
    try:
        # Arguments are handed over, since click expands `*` and `%NAME%` on Windows in those that it takes itself.
        return int(claude_proxy.main(list(arguments), prog_name=PROGRAM, standalone_mode=False) or Exit.OK)
    except CommandError as error:
        _complain(str(error))
        return error.code
    except HomeError as error:
        _complain(f"{ERROR}{error}\nSet {HOME_VARIABLE} to the whole path of a folder.")
        return Exit.USAGE
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return Exit.INTERRUPTED
    except OSError as error:
        if error.errno in OUTPUT_ERRORS and error.filename is None:
            raise
        _complain(f"{ERROR}{described(error)}")
        return Exit.FAILED
    except Exception as error:  # noqa: BLE001 - the last line of defence: no traceback reaches a user
        _complain(f"{ERROR}unexpected {_name(error)}{_keep_details(error)}")
        return Exit.UNEXPECTED


def _complain(text: str) -> None:
    try:
        click.echo(text, err=True)
    except OSError:  # the exit code still tells
        _silence(sys.stderr)


def _silence(stream: TextIO) -> None:
    """Let what Python has still to write to a stream go nowhere: failing at it, it would change the exit code."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _stand_in_for_closed_streams() -> None:
    """Open the null device for what the caller has closed: the next file would get that number, and our output."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def _tolerate_narrow_consoles() -> None:
    """Let a console that cannot show a character (cp1252 on Windows) show `?` instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _keep_details(error: BaseException) -> str:
    """Write where the error came from to a private file, and return how to find it."""
    try:
        home = Home.find(os.environ)
        home.prepare()
        path = home.state / "error.txt"
        write_private(path, "".join(_describe(error)).encode(errors="replace"))
    except (OSError, HomeError):
        return ""
    return f"; where it happened is written in {path}"


def _describe(error: BaseException | None) -> Iterator[str]:
    """Yield a traceback with the errors' names only: their texts may hold what was being worked on, a key even."""
    while error is not None:
        yield from traceback.format_tb(error.__traceback__)
        yield f"{_name(error)}\n"
        error = error.__cause__ or error.__context__


def _name(error: BaseException) -> str:
    return type(error).__name__
