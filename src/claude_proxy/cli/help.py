"""`claude-proxy help`: the same as `--help` after a command."""

from __future__ import annotations

import click


@click.command(epilog="\b\nExamples:\n  claude-proxy help\n  claude-proxy help run\n  claude-proxy help providers add")
@click.argument("command", nargs=-1)
@click.pass_context
def help(context: click.Context, *, command: tuple[str, ...]) -> None:  # noqa: A001 - a command is named as its function
    """Show how COMMAND is used, or which commands there are."""
    root = context.find_root()
    root.command.main([*command, "--help"], prog_name=root.info_name, standalone_mode=False)
