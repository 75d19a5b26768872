"""What the commands that a shell evaluates share: their options, and what they print for the shell or for the user."""

from __future__ import annotations

import os
from typing import Any

import click

from claude_proxy.cli.output.program import SHELL_VARIABLE
from claude_proxy.cli.shell import activation
from claude_proxy.cli.shell.activation import Change
from claude_proxy.cli.shell.functions import launch_words
from claude_proxy.cli.shell.quoting import SHELL_NAMES, Shell, ask_again, statements
from claude_proxy.core.text import neutral

_ARGUMENTS = f"{__name__}.arguments"


class _CalledByFunction(click.Context):
    """The context of a command that the user may have called by its shell function."""

    @property
    def command_path(self) -> str:
        usage = self.command.called_as() if isinstance(self.command, EvaluatedCommand) else []
        return usage[0] if usage else super().command_path


class EvaluatedCommand(click.Command):
    """A command whose standard output a shell evaluates: everything for people goes to standard error, help too.

    `usage` is how its shell function is called. Errors show that if the functions are loaded.
    """

    context_class = _CalledByFunction

    def __init__(self, *args: Any, usage: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._usage = usage

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[_ARGUMENTS] = [*args]  # click takes words out of the list
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, or print what runs it anew if the shell knows more than we were told."""
        only_listed = ctx.params.get("listed")  # names for completion, which no shell evaluates
        if only_listed or not activation.lacks_shell_part(os.environ):
            return super().invoke(ctx)
        words = [*launch_words(), self.name or "", *ctx.meta[_ARGUMENTS]]
        click.echo(os.fsencode(ask_again(ctx.params["shell"], words)), nl=False)
        return None

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        called = self.called_as()
        return called[1:] if called else super().collect_usage_pieces(ctx)

    def called_as(self) -> list[str]:
        """Return how the user calls the shell function, word by word; empty if there is none."""
        return self._usage.split() if os.environ.get(SHELL_VARIABLE) else []

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """Return click's own option, which prints to standard error here."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.callback = _help
        return option


def _help(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(ctx.get_help(), err=True, color=ctx.color)
        ctx.exit()


shell_option = click.option(
    "--shell",
    type=click.Choice(SHELL_NAMES),
    required=True,
    callback=lambda _ctx, _parameter, value: Shell(value),
    help="The shell that evaluates what is printed.",
)


def print_statements(shell: Shell, changes: tuple[Change, ...], *more: str) -> None:
    """Print statements for the shell to evaluate, in the environment's own bytes, and `more` lines after them."""
    text = statements(shell, changes) + "".join(f"{line}\n" for line in more)
    click.echo(os.fsencode(text), nl=False)


def report_not_restored(shell: Shell) -> None:
    """Say which variables `deactivate` unsets because only another shell knows what they held."""
    if names := activation.not_restored(os.environ, universal=shell is Shell.FISH):
        say(f"Not restored, but unset: {', '.join(names)}. Only the shell that turned the proxy on has what it held.")
        say("Set it again here, or use that shell or a new terminal.")


def say(text: str = "") -> None:
    """Print a line for the user, which no shell evaluates."""
    click.echo(neutral(text), err=True)
