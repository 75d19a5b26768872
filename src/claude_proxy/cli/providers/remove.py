"""`claude-proxy providers remove`: removes a provider from config.json."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from claude_proxy.cli.output.exit_codes import CommandError
from claude_proxy.cli.output.program import invocation
from claude_proxy.cli.providers.naming import index_of
from claude_proxy.cli.user_config.config_files import ConfigFiles
from claude_proxy.config.load import Configured
from claude_proxy.config.provider_list import remove_provider
from claude_proxy.store.home import Home


@click.command(epilog="\b\nExample:\n  claude-proxy providers remove zai")
@click.argument("name")
def remove(*, name: str) -> None:
    """Remove the provider NAME from config.json. Its key stays in .env."""
    files = ConfigFiles.read(Home.find(os.environ))
    before = files.survey().providers
    index = index_of(name, before)
    removed_provider, left = before[index], before[:index] + before[index + 1 :]
    _require_another(removed_provider, left)
    text = remove_provider(files.config_text, index)
    files.survey(text)
    files.write(config=text)
    click.echo(f"Removed {name} from {files.config.path}.")
    if files.holds(removed_provider.provider.api_key_env):
        click.echo(f"Its key stays in .env, as {removed_provider.provider.api_key_env}.")


def _require_another(leaving: Configured, left: Sequence[Configured]) -> None:
    """Raise `CommandError` if no provider would be left to use."""
    if not any(other.enabled for other in left):
        which = "your only provider" if not left else "the only provider that is not disabled"
    elif leaving.usable and not any(other.usable for other in left):
        which = "the only provider with a key"
    else:
        return
    hint = f"Add another one first: `{invocation('providers add NAME')}`."
    raise CommandError(f"{leaving.provider.name} is {which}; nothing was changed", hint=hint)
