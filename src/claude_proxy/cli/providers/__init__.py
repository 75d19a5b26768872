"""`claude-proxy providers`: which providers there are, and which of them are yours.

listing.py     list: the configured ones, or the catalogue
add.py         one more, and its key
remove.py      one less
order.py       which is asked first
show.py        what one would be sent; words.py says what is known of it
test.py        whether one answers, in each of the ways in which Claude Code asks
models.py      its own list of models; model_list.py asks for that

own_files.py   config.json and .env, read and written
naming.py      a name on the command line → the provider that is meant
"""

from __future__ import annotations

import click

from claude_proxy.cli.output.lazy_group import LazyGroup
from claude_proxy.cli.providers.list_command import all_option, json_option, show_list

SUBCOMMANDS = {
    "list": "The configured ones in their order, or with --all the catalogue.",
    "add": "Add one of the catalogue, and its key.",
    "remove": "Take one out of config.json.",
    "order": "Say which are asked first.",
    "show": "Show what one is sent, and what is known of it.",
    "test": "Try one: a message, a stream, a count of tokens, a tool.",
    "models": "Ask one for the models that it has.",
}


class _Subcommands(LazyGroup):
    package = "claude_proxy.cli.providers"
    known = SUBCOMMANDS
    modules = {"list": "list_command"}  # noqa: RUF012 - the base class says that it belongs to the class


@click.group(
    cls=_Subcommands,
    invoke_without_command=True,
    epilog="\b\nExamples:\n  claude-proxy providers\n  claude-proxy providers --all\n  claude-proxy providers add zai",
)
@all_option
@json_option
@click.pass_context
def providers(context: click.Context, *, everything: bool, as_json: bool) -> None:
    """List the configured providers in their order, and change which there are."""
    if context.invoked_subcommand is None:
        show_list(everything=everything, as_json=as_json)
    elif everything or as_json:
        raise click.UsageError("--all and --json belong behind `list`", context)
