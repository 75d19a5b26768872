"""`claude-proxy providers order`: sets which providers are used first."""

from __future__ import annotations

import os

import click

from claude_proxy.cli.providers.naming import index_of
from claude_proxy.cli.user_config.config_files import ConfigFiles
from claude_proxy.config.provider_list import reorder_providers
from claude_proxy.store.home import Home


@click.command(
    epilog="\b\nExamples:\n  claude-proxy providers order moonshot\n  claude-proxy providers order zai minimax"
)
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
def order(*, names: tuple[str, ...]) -> None:
    """Use the providers NAME first, in this order. The others follow, in the order that they have."""
    files = ConfigFiles.read(Home.find(os.environ))
    providers = files.survey().providers
    first = [index_of(name, providers) for name in names]
    places = list(dict.fromkeys([*first, *range(len(providers))]))
    after = ", ".join(providers[place].provider.name for place in places)
    if places == sorted(places):
        click.echo(f"The order is already: {after}")
        return
    text = reorder_providers(files.config_text, places)
    files.survey(text)
    files.write(config=text)
    click.echo(f"The order is now: {after}")
