"""`claude-proxy init`: the shell functions, printed for a profile or put into it; and Claude Code's status line."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from claude_proxy.cli.claude_code import statusline_settings
from claude_proxy.cli.output.exit_codes import CommandError
from claude_proxy.cli.shell import functions, powershell_module, profiles
from claude_proxy.cli.shell.quoting import Shell
from claude_proxy.cli.shell.terminal import SHELL_NAMES
from claude_proxy.store.home import Home

STATUS_LINE = "statusline"


@click.command(
    epilog="\b\nExamples:\n  claude-proxy init bash\n  claude-proxy init --install\n"
    "  claude-proxy init zsh --uninstall --yes\n  claude-proxy init statusline"
)
@click.argument("what", required=False, type=click.Choice([*SHELL_NAMES, STATUS_LINE]))
@click.option("--install", is_flag=True, help="Add the line that loads the functions to the shell's profile, once.")
@click.option("--uninstall", is_flag=True, help="Take it out again.")
@click.option("--yes", is_flag=True, help="Do not ask before a file is changed.")
def init(*, what: str | None, install: bool, uninstall: bool, yes: bool) -> None:
    """Print the functions claude-fb, claude-switch, claude-reset and claude-status for a shell to evaluate.

    bash, zsh: eval "$(claude-proxy init bash)". fish: claude-proxy init fish | source. For PowerShell the module is
    put in place, and the line that imports it is printed. With --install or --uninstall the shell is by default the
    one in $SHELL. `statusline` puts our line into Claude Code's own settings.
    """
    if install and uninstall:
        raise click.UsageError("--install and --uninstall exclude each other")
    if what == STATUS_LINE:
        _change_status_line(uninstall=uninstall, yes=yes)
    elif install or uninstall:
        _change_profiles(Shell(what) if what else _own_shell(), uninstall=uninstall, yes=yes)
    elif what:
        _print(Shell(what))
    else:
        raise click.UsageError(f"which shell? There are: {', '.join(SHELL_NAMES)}")


def _print(shell: Shell) -> None:
    if shell is Shell.POWERSHELL:
        click.echo(powershell_module.loading(Home.find(os.environ)))
    else:
        click.echo(os.fsencode(functions.functions(shell)), nl=False)


def _own_shell() -> Shell:
    name = Path(os.environ.get("SHELL", "")).stem
    if name in SHELL_NAMES:
        return Shell(name)
    if sys.platform == "win32" or name == "pwsh":
        return Shell.POWERSHELL
    raise click.UsageError(f"which shell? There are: {', '.join(SHELL_NAMES)}")


def _change_profiles(shell: Shell, *, uninstall: bool, yes: bool) -> None:
    line = "" if uninstall else _line(shell)
    for path in profiles.profiles(shell, os.environ):
        edit = profiles.uninstall(path) if uninstall else profiles.install(path, line)
        if edit is None:
            click.echo(f"{path} has no line of ours" if uninstall else f"{path} has the line already")
        else:
            _apply(edit, yes=yes)
    if not uninstall:
        click.echo(f"New terminals have the functions. In this one, type:\n  {line}")


def _line(shell: Shell) -> str:
    if shell is Shell.POWERSHELL:
        return powershell_module.loading(Home.find(os.environ))
    return functions.loading(shell)


def _change_status_line(*, uninstall: bool, yes: bool) -> None:
    if uninstall:
        edit = statusline_settings.uninstall(os.environ)
    else:
        edit = statusline_settings.install(os.environ, statusline_settings.command())
    if edit is None:
        click.echo("There is no status line of ours" if uninstall else "The status line is there already")
    else:
        _apply(edit, yes=yes)


def _apply(edit: profiles.ProfileEdit | statusline_settings.SettingsEdit, *, yes: bool) -> None:
    """Show a change, and make it if the user says so. Raises `CommandError`."""
    click.echo(f"{edit.path}:")
    for line in edit.shown:
        click.echo(f"  {line}")
    if not yes and not click.confirm("Change it so?"):
        raise CommandError("nothing was changed")
    edit.write()
