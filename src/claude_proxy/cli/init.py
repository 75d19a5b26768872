"""`claude-proxy init`: prints the shell functions, or adds them to a profile; installs Claude Code's status line."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from claude_proxy.cli.claude_code import statusline_settings
from claude_proxy.cli.output.exit_codes import CommandError
from claude_proxy.cli.output.program import invocation
from claude_proxy.cli.shell import functions, profiles
from claude_proxy.cli.shell.quoting import SHELL_NAMES, Shell
from claude_proxy.core.text import neutral
from claude_proxy.store.home import Home

STATUS_LINE = "statusline"


@click.command(
    epilog="\b\nExamples:\n  claude-proxy init bash\n  claude-proxy init --install\n"
    "  claude-proxy init zsh --uninstall --yes\n  claude-proxy init statusline"
)
@click.argument("what", required=False, type=click.Choice([*SHELL_NAMES, STATUS_LINE]))
@click.option("--install", is_flag=True, help="Add the line that loads the functions to the shell's profile, once.")
@click.option("--uninstall", is_flag=True, help="Remove that line.")
@click.option("--yes", is_flag=True, help="Do not ask before a file is changed.")
def init(*, what: str | None, install: bool, uninstall: bool, yes: bool) -> None:
    """Print the functions claude-fb, claude-switch, claude-reset and claude-status for a shell to evaluate.

    bash, zsh: eval "$(claude-proxy init bash)". fish: claude-proxy init fish | source. For PowerShell the module is
    copied to its place if necessary, and the line that imports it is printed. With --install or --uninstall the shell
    is by default the one in $SHELL. `statusline` adds our status line to Claude Code's settings.
    """
    if install and uninstall:
        raise click.UsageError("--install and --uninstall cannot be used together")
    if what == STATUS_LINE:
        _change_status_line(uninstall=uninstall, yes=yes)
    elif install or uninstall:
        _change_profiles(Shell(what) if what else _own_shell(), uninstall=uninstall, yes=yes)
    elif what:
        _print(Shell(what))
    else:
        choices, own = ", ".join([*SHELL_NAMES, STATUS_LINE]), invocation("init --install")
        raise click.UsageError(f"which shell? Choose one of: {choices}. `{own}` installs the functions for your shell.")


def _print(shell: Shell) -> None:
    if shell is Shell.POWERSHELL:
        click.echo(_line(shell))
    else:
        click.echo(os.fsencode(functions.functions(shell)), nl=False)


def _own_shell() -> Shell:
    name = Path(os.environ.get("SHELL", "")).stem
    if name in SHELL_NAMES:
        return Shell(name)
    if sys.platform == "win32" or name == "pwsh":
        return Shell.POWERSHELL
    raise click.UsageError(f"which shell? Choose one of: {', '.join(SHELL_NAMES)}")


def _change_profiles(shell: Shell, *, uninstall: bool, yes: bool) -> None:
    line = "" if uninstall else _line(shell)
    for path in profiles.profiles(shell, os.environ):
        edit = profiles.uninstall(path) if uninstall else profiles.install(path, line)
        if edit is None:
            click.echo(f"{path} does not load the functions" if uninstall else f"{path} already loads the functions")
        else:
            _apply(edit, yes=yes)
            if uninstall:
                click.echo(f"Done: {path} no longer loads the functions; terminals that are open keep them.")
    if not uninstall:
        click.echo(f"New terminals have the functions. To load them in this one, type:\n  {line}")


def _line(shell: Shell) -> str:
    if shell is Shell.POWERSHELL:
        return functions.import_line(Home.find(os.environ))
    return functions.loading_line(shell)


def _change_status_line(*, uninstall: bool, yes: bool) -> None:
    if uninstall:
        edit = statusline_settings.uninstall(os.environ)
    else:
        edit = statusline_settings.install(os.environ, statusline_settings.command())
    if edit is None:
        click.echo("Our status line is not installed" if uninstall else "Our status line is already installed")
        return
    _apply(edit, yes=yes)
    if uninstall:
        click.echo(f"Done: the status line is removed from {edit.path}.")
        return
    click.echo(
        f"Done: the status line is in {edit.path}. New sessions of Claude Code show it below the prompt.\n"
        f"To remove it: {invocation('init statusline --uninstall')}"
    )


def _apply(edit: profiles.ProfileEdit | statusline_settings.SettingsEdit, *, yes: bool) -> None:
    """Show a change, and make it if the user agrees. Raises `CommandError`."""
    click.echo(neutral(f"{edit.path}:"))
    for line in edit.shown:
        click.echo(neutral(f"  {line}"))
    if not yes and not click.confirm("Apply this change?"):
        raise CommandError(hint=f"{edit.path} was not changed.")  # the user's own choice is no error
    edit.write()
