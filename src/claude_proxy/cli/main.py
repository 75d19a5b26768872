"""The command `claude-proxy`: finds the subcommand, shows its errors, and gives the exit code."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from typing import TextIO

import click

from claude_proxy.cli.output.exit_codes import ERROR, EXIT_CODES_HELP, CommandError, Exit, describe_os_error
from claude_proxy.cli.output.lazy_group import LazyGroup
from claude_proxy.cli.output.ownership import home_fix
from claude_proxy.cli.output.program import invocation
from claude_proxy.cli.version import version_text
from claude_proxy.core.text import neutral
from claude_proxy.store.files import write_private
from claude_proxy.store.home import HOME_VARIABLE, Home, HomeError

OUTPUT_ERRORS = {errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EBADF, errno.EFBIG}
"""What the system says if standard output cannot be written; the error names no file then."""

COMMANDS = {
    "start": "Start the proxy in the background.",
    "stop": "Wait for the requests in flight, then stop the proxy.",
    "restart": "Stop the proxy, then start it.",
    "status": "Show whether the proxy runs, and the health of its providers.",
    "dashboard": "Open the page in a browser: costs, failovers, requests.",
    "top": "Watch the requests in flight, the providers, the last failovers.",
    "explain": "Show what would happen to a request now, and why.",
    "rules": "Show the rules learned from providers' errors, or forget them.",
    "run": "Run a command, such as claude, through the proxy.",
    "init": "Print the shell functions, such as claude-fb, or install them.",
    "env": "Print statements that send claude through the proxy.",
    "fallback": "What claude-fb evaluates.",
    "switch": "What claude-switch evaluates.",
    "reset": "What claude-reset evaluates.",
    "usage": "Show what requests used and cost.",
    "logs": "Show the last requests.",
    "doctor": "Check the whole setup; --fix repairs what is safe.",
    "statusline": "Print the line for Claude Code's status line.",
    "providers": "List, add, order or test providers; --all shows the catalogue.",
    "check": "Check the configuration, and with --live the keys.",
    "demo": "See a failover at work, without any key.",
    "serve": "Run the proxy in this terminal.",
    "version": "Show the version.",
    "help": "Show how a command is used.",
}


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(version_text())
        context.exit()


class _Commands(LazyGroup):
    package = "claude_proxy.cli"
    known = COMMANDS


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=f"\b\nExample:\n  {invocation('run -- claude')}\n\n\b\n{EXIT_CODES_HELP}",
)
@click.option(
    "-V", "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version."
)
def claude_proxy() -> None:
    """Keep Claude Code working: each request goes to the first provider that can answer it.

    The configuration is config.json and .env in ~/.claude-proxy, or in the folder that $CLAUDE_PROXY_HOME names.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line (default: that of this process) and return its exit code. No traceback comes out."""
    _replace_closed_streams()
    _tolerate_narrow_consoles()
    try:
        code = _invoke(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
    except OSError as error:
        _discard(sys.stdout)
        if not isinstance(error, BrokenPipeError):  # the reader of our output, such as `head`, has seen enough
            _print_error(f"{ERROR}the output cannot be written: {describe_os_error(error)}")
        return Exit.FAILED
    return code


def _invoke(arguments: Sequence[str]) -> int:
    try:
        # click expands `*` and `%NAME%` on Windows, unless it is given the arguments.
        return int(claude_proxy.main(list(arguments), prog_name=invocation(), standalone_mode=False) or Exit.OK)
    except CommandError as error:
        _print_error(str(error) + (_owner_hint(str(error)) if error.messages else ""))
        return error.code
    except HomeError as error:
        _print_error(f"{ERROR}{error}\nSet {HOME_VARIABLE} to the absolute path of a folder.")
        return Exit.USAGE
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(shown)
        _print_error(shown.getvalue().removesuffix("\n"))
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return Exit.INTERRUPTED
    except OSError as error:
        if error.errno in OUTPUT_ERRORS and error.filename is None:
            raise
        _print_error(f"{ERROR}{describe_os_error(error)}{_owner_hint('')}")
        return Exit.FAILED
    except Exception as error:  # noqa: BLE001 - the last line of defence: no traceback reaches a user
        _print_error(f"{ERROR}unexpected {_name(error)}{_save_details(error)}")
        return Exit.UNEXPECTED


def _owner_hint(already: str) -> str:
    """Return a line that names a file of the home which another user owns: then that is the cause, or another fault."""
    with contextlib.suppress(OSError, HomeError):
        fix = home_fix(Home.find(os.environ))
        return f"\n{fix}" if fix and fix not in already else ""
    return ""


def _print_error(text: str) -> None:
    try:
        click.echo(neutral(text), err=True)
    except OSError:  # the exit code still says it
        _discard(sys.stderr)


def _discard(stream: TextIO) -> None:
    """Discard what Python has still to write to a stream: if that failed, the exit code would change."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _replace_closed_streams() -> None:
    """Open the null device for closed streams: else the next file gets that descriptor, and with it our output."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def _tolerate_narrow_consoles() -> None:
    """Let a console that cannot show a character (cp1252 on Windows) show `?` instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _save_details(error: BaseException) -> str:
    """Write the error's traceback to a private file, and return where it is."""
    try:
        home = Home.find(os.environ)
        home.prepare()
        path = home.state / "error.txt"
        write_private(path, "".join(_traceback(error)).encode(errors="replace"))
    except (OSError, HomeError):
        return ""
    return f"; {path} says where it happened"


def _traceback(error: BaseException | None) -> Iterator[str]:
    """Yield a traceback with the errors' names only: their texts may hold a part of a request, or a key."""
    while error is not None:
        yield from traceback.format_tb(error.__traceback__)
        yield f"{_name(error)}\n"
        error = error.__cause__ or error.__context__


def _name(error: BaseException) -> str:
    return type(error).__name__
