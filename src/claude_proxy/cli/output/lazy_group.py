"""A group of commands of which only the one that is called is imported."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import ClassVar

import click


class LazyGroup(click.Group):
    """A command of commands. Each is the function of that name in the module of that name, but for those in `modules`.

    `known` says in a line what each does.
    """

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
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.known and not args[0].startswith("-"):
            raise click.exceptions.NoSuchCommand(args[0], possibilities=self.known, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(self.known.items()))
