"""`claude-proxy providers models`: the models that a provider says it has."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

import click
from rich.table import Table

from claude_proxy.cli.output.console import console, table
from claude_proxy.cli.output.exit_codes import CommandError, Exit
from claude_proxy.cli.probing import credentials
from claude_proxy.cli.providers.config_files import ConfigFiles
from claude_proxy.cli.providers.formatting import tiers
from claude_proxy.cli.providers.model_list import ask_for_models, url_of
from claude_proxy.cli.providers.naming import ready
from claude_proxy.config.load import Configured
from claude_proxy.core.outcome import Rejected
from claude_proxy.core.reasons import is_not_offered, rejects_key
from claude_proxy.core.text import printable
from claude_proxy.core.types import Provider
from claude_proxy.store.home import Home

MAX_SHOWN = 500


@click.command(epilog="\b\nExample:\n  claude-proxy providers models zai")
@click.argument("name")
def models(*, name: str) -> None:
    """Ask the provider NAME for its own list of models, and show which of them are used.

    That costs no tokens. Not every provider has such a list.
    """
    found = ConfigFiles.read(Home.find(os.environ))
    survey = found.survey()
    one = ready(found, survey, name)
    url = url_of(one.provider, one.entry)
    listed = asyncio.run(ask_for_models(one.provider, url, survey.policy, survey.egress))
    if isinstance(listed, Rejected):
        raise _no_list(one.provider, url, listed)
    out = console()
    out.print(_rows(one, listed[:MAX_SHOWN]))
    if len(listed) > MAX_SHOWN:
        out.print(f"{len(listed) - MAX_SHOWN} more are not shown.")
    for model in dict.fromkeys(one.provider.models.values()):
        if model not in listed:
            used = f"{printable(model)} stands in for {tiers(one.provider, model)}, and is not in the list."
            out.print(f"warning: {used}", style="yellow")


def _rows(one: Configured, listed: Sequence[str]) -> Table:
    rows = table("model", "stands in for", "in the catalogue")
    known = one.entry.models if one.entry else {}
    for model in listed:
        used = tiers(one.provider, model)
        rows.add_row(printable(model, 200), used or "-", "yes" if model in known else "-", style="bold" if used else "")
    return rows


def _no_list(provider: Provider, url: str, answer: Rejected) -> CommandError:
    said = printable(answer.text)
    if is_not_offered(answer.reason, answer.status):
        hint = "`claude-proxy providers show` tells which ones the catalogue knows."
        return CommandError(
            f"{provider.name} has no list of models at {url}: {answer.label} {said}".rstrip(), hint=hint
        )
    if rejects_key(answer.reason, answer.status):
        refused = credentials.refused(provider.auth.value, provider.api_key_env)
        return CommandError(f"{refused} ({said})")
    return CommandError(f"{provider.name} gave no list of models: {answer.label} {said}".rstrip(), code=Exit.FAILED)
