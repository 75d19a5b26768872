"""`claude-proxy providers models`: the models that a provider says it has."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

import click
from rich.table import Table

from claude_proxy.cli.output.console import console, table
from claude_proxy.cli.output.exit_codes import CommandError, Exit
from claude_proxy.cli.output.program import invocation
from claude_proxy.cli.providers.formatting import format_tiers
from claude_proxy.cli.providers.model_list import ask_for_models, url_of
from claude_proxy.cli.providers.naming import testable_provider
from claude_proxy.cli.user_config import credentials
from claude_proxy.cli.user_config.config_files import ConfigFiles
from claude_proxy.config.load import Configured
from claude_proxy.core.model_names import tier_of
from claude_proxy.core.outcome import Rejected
from claude_proxy.core.reasons import is_not_offered, rejects_key
from claude_proxy.core.text import printable
from claude_proxy.core.types import Provider
from claude_proxy.store.home import Home

MAX_SHOWN = 500


@click.command(epilog="\b\nExample:\n  claude-proxy providers models zai")
@click.argument("name")
def models(*, name: str) -> None:
    """Ask the provider NAME for its list of models, and show which of them are used.

    This costs no tokens. Not every provider has such a list.
    """
    files = ConfigFiles.read(Home.find(os.environ))
    survey = files.survey()
    configured = testable_provider(files, survey, name)
    url = url_of(configured.provider, configured.entry)
    listed = asyncio.run(ask_for_models(configured.provider, url, survey.policy, survey.egress))
    if isinstance(listed, Rejected):
        raise _no_list(configured.provider, url, listed)
    out = console()
    out.print(_rows(configured, listed[:MAX_SHOWN]))
    if len(listed) > MAX_SHOWN:
        out.print(f"{len(listed) - MAX_SHOWN} more are not shown.")
    if _lacks_claudes_names(configured.provider, listed):
        what = f"{name} has no models in config.json, so it gets Claude's own names, and none of them is in the list."
        out.print(f"warning: {what}", style="yellow")
    for model in dict.fromkeys(configured.provider.models.values()):
        if model not in listed:
            tiers = format_tiers(configured.provider, model)
            out.print(f"warning: {printable(model)}, which is used for {tiers}, is not in the list.", style="yellow")


def _lacks_claudes_names(provider: Provider, listed: Sequence[str]) -> bool:
    """Whether a provider gets Claude's own names, and lists none of them."""
    return not provider.models and not any(map(tier_of, listed))


def _rows(configured: Configured, listed: Sequence[str]) -> Table:
    rows = table("model", "used for", "in the catalogue")
    known = configured.entry.models if configured.entry else {}
    for model in listed:
        used = format_tiers(configured.provider, model)
        rows.add_row(printable(model, 200), used or "-", "yes" if model in known else "-", style="bold" if used else "")
    return rows


def _no_list(provider: Provider, url: str, answer: Rejected) -> CommandError:
    message = printable(answer.text)
    if is_not_offered(answer.reason, answer.status):
        hint = f"`{invocation(f'providers show {provider.name}')}` shows those in the catalogue."
        return CommandError(
            f"{provider.name} has no list of models at {url}: {answer.label} {message}".rstrip(), hint=hint
        )
    if rejects_key(answer.reason, answer.status):
        rejection = credentials.rejection(provider)
        return CommandError(f"{rejection.what}: {message}", hint=rejection.fix)
    return CommandError(f"{provider.name} gave no list of models: {answer.label} {message}".rstrip(), code=Exit.FAILED)
