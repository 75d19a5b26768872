"""`claude-proxy providers`: which providers there are, and which of them are yours.

list_command   list: the configured providers, or the catalogue
add            adds a provider
key            replaces a provider's key
remove         removes a provider
order          sets which providers are used first
show           what a provider is sent, and what is known about it
test           whether a provider answers each kind of request that Claude Code sends
models         shows a provider's own list of models
model_list     asks a provider for that list

key_input      a key from the user, typed or on standard input
choosing       a name or an address → the provider to add
own_address    a provider that the catalogue does not have: what its address says about it
naming         a name on the command line → the provider
formatting     what is known about a provider, in words
price_lines    what models cost, in words
"""

from __future__ import annotations

import click

from claude_proxy.cli.output.lazy_group import LazyGroup
from claude_proxy.cli.providers.list_command import all_option, json_option, show_list

SUBCOMMANDS = {
    "list": "List the configured providers, or with --all the catalogue.",
    "add": "Add a provider by its name or address, and its key.",
    "key": "Replace a provider's key.",
    "remove": "Remove a provider from config.json.",
    "order": "Set which providers are used first.",
    "show": "Show what a provider is sent, and what is known about it.",
    "test": "Test a provider: a message, a stream, a token count, a tool.",
    "models": "Ask a provider for its list of models.",
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
    """List the configured providers in their order, and add, order, test or remove providers."""
    if context.invoked_subcommand is None:
        show_list(everything=everything, as_json=as_json)
    elif everything or as_json:
        raise click.UsageError("--all and --json go after `list`", context)
