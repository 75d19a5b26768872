"""`claude-proxy providers order`: which providers are asked first."""

from __future__ import annotations

import os

import click

from claude_proxy.cli.providers.config_files import ConfigFiles
from claude_proxy.cli.providers.naming import place_of
from claude_proxy.config.provider_list import reorder_providers
from claude_proxy.store.home import Home


@click.command(
    epilog="\b\nExamples:\n  claude-proxy providers order moonshot\n  claude-proxy providers order zai minimax"
)
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
def order(*, names: tuple[str, ...]) -> None:
    """Ask the providers NAME first, in this order. The others come behind them, in the order that they have."""
    files = ConfigFiles.read(Home.find(os.environ))
    providers = files.survey().providers
    first = [place_of(name, providers) for name in names]
    places = list(dict.fromkeys([*first, *range(len(providers))]))
    after = ", ".join(providers[place].provider.name for place in places)
    if places == sorted(places):
        click.echo(f"They are in this order already: {after}")
        return
    text = reorder_providers(files.config_text, places)
    files.survey(text)
    files.write(config=text)
    click.echo(f"They are asked in this order now: {after}")
