"""A group of commands that imports only the command that is called."""

from __future__ import annotations

import copy
import importlib
import re
from collections.abc import Mapping
from typing import ClassVar

import click

from claude_proxy.cli.output.program import with_invocations


class _Formatter(click.HelpFormatter):
    def getvalue(self) -> str:
        """Return the help without the blanks that click leaves after a long name of the program."""
        return re.sub(" +$", "", super().getvalue(), flags=re.MULTILINE)


class _Context(click.Context):
    formatter_class = _Formatter


class LazyGroup(click.Group):
    """A group of commands. Each is the function of its name in the module of its name, unless `modules` names another.

    `known` says in a line what each command does.
    """

    context_class = _Context
    package: ClassVar[str]
    known: ClassVar[Mapping[str, str]]
    modules: ClassVar[Mapping[str, str]] = {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(self.known)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in self.known:
            return None
        module = self.modules.get(cmd_name, cmd_name)
        command = getattr(importlib.import_module(f"{self.package}.{module}"), module)
        return _as_called(command) if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] == "help" and "help" not in self.known:  # `providers help add`
            args = [*args[1:], "--help"]
            if len(args) == 1:
                click.echo(ctx.get_help())
                ctx.exit()
        if args[0] not in self.known and not args[0].startswith("-"):
            raise click.exceptions.NoSuchCommand(args[0], possibilities=self.known, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(self.known.items()))


def _as_called(command: click.Command) -> click.Command:
    """Return a command whose help and examples call the program as this user does."""
    named = copy.copy(command)
    if command.context_class is click.Context:  # the shell functions have one of their own
        named.context_class = _Context
    named.help = with_invocations(command.help or "")
    named.epilog = with_invocations(command.epilog or "")
    return named
