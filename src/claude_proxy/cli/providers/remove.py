"""`claude-proxy providers remove`: one provider less in config.json."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from claude_proxy.cli.output.exit_codes import CommandError
from claude_proxy.cli.providers.config_files import ConfigFiles
from claude_proxy.cli.providers.naming import place_of
from claude_proxy.config.load import Configured
from claude_proxy.config.provider_list import remove_provider
from claude_proxy.store.home import Home


@click.command(epilog="\b\nExample:\n  claude-proxy providers remove zai")
@click.argument("name")
def remove(*, name: str) -> None:
    """Take the provider NAME out of config.json. Its key stays in .env."""
    files = ConfigFiles.read(Home.find(os.environ))
    before = files.survey().providers
    index = place_of(name, before)
    gone, left = before[index], before[:index] + before[index + 1 :]
    _require_another(gone, left)
    text = remove_provider(files.config_text, index)
    files.survey(text)
    files.write(config=text)
    click.echo(f"{name} is no longer in {files.config.path}.")
    if files.holds(gone.provider.api_key_env):
        click.echo(f"Its key stays in .env, as {gone.provider.api_key_env}.")


def _require_another(gone: Configured, left: Sequence[Configured]) -> None:
    """Raise `CommandError` where nobody could be asked any more."""
    if not any(one.enabled for one in left):
        which = "the last one" if not left else "the last one that is not disabled"
    elif gone.usable and not any(one.usable for one in left):
        which = "the last one that has its key"
    else:
        return
    hint = "Add another one first: `claude-proxy providers add NAME`."
    raise CommandError(f"{gone.provider.name} is {which}; nothing was changed", hint=hint)
