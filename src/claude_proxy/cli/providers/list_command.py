"""`claude-proxy providers list`: the configured providers in their order, or the whole catalogue."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click
from rich.table import Table
from rich.text import Text

from claude_proxy.cli.output.console import console, print_json, table
from claude_proxy.cli.output.program import invocation
from claude_proxy.cli.providers.formatting import format_models, key_state
from claude_proxy.cli.user_config.config_files import ConfigFiles
from claude_proxy.config.catalogue import Entry, catalogue
from claude_proxy.config.load import Configured
from claude_proxy.core.text import printable
from claude_proxy.store.home import Home

all_option = click.option("--all", "everything", is_flag=True, help="The whole catalogue, configured or not.")
json_option = click.option("--json", "as_json", is_flag=True, help="For programs: one JSON object.")

WIDTH_WITH_NAMES = 140
"""Columns; a narrower terminal shows the catalogue without full names, which would break its rows."""


@click.command(epilog="\b\nExamples:\n  claude-proxy providers list\n  claude-proxy providers list --all --json")
@all_option
@json_option
def list_command(*, everything: bool, as_json: bool) -> None:
    """List the configured providers in the order in which they are used, or with --all the catalogue."""
    show_list(everything=everything, as_json=as_json)


def show_list(*, everything: bool, as_json: bool) -> None:
    """Print a list of providers. Raises `CommandError`."""
    if everything:
        _show_catalogue(as_json=as_json)
    else:
        _show_configured(ConfigFiles.read(Home.find(os.environ)), as_json=as_json)


def _show_configured(files: ConfigFiles, *, as_json: bool) -> None:
    survey = files.survey()
    if as_json:
        print_json({"providers": [_facts(configured) for configured in survey.providers]})
        return
    out = console()
    out.print(_configured(survey.providers))
    for warning in survey.warnings:
        out.print(f"warning: {printable(warning)}", style="yellow")


def _configured(providers: Sequence[Configured]) -> Table:
    rows = table("name", "preset", "host", "models", "key")
    for configured in providers:
        provider = configured.provider
        state = key_state(configured) if configured.enabled else Text("disabled", "dim")
        preset = configured.entry.id if configured.entry else "-"
        rows.add_row(provider.name, preset, provider.origin.host, printable(format_models(provider.models)), state)
    return rows


def _facts(configured: Configured) -> dict[str, object]:
    provider = configured.provider
    return {
        "name": provider.name,
        "preset": configured.entry.id if configured.entry else None,
        "base_url": provider.base_url,
        "models": dict(provider.models),
        "auth": provider.auth.value,
        "api_key_env": configured.missing or provider.api_key_env,
        "key_set": bool(provider.api_key),
        "enabled": configured.enabled,
    }


def _show_catalogue(*, as_json: bool) -> None:
    presets = catalogue()
    if as_json:
        entries = [_entry_facts(entry) for entry in presets.providers]
        print_json({"as_of": presets.as_of, "confidence_key": presets.confidence_key, "providers": entries})
        return
    out = console()
    out.print(_entries(presets.providers, named=out.width >= WIDTH_WITH_NAMES))
    out.print()
    out.print(
        f"As of {presets.as_of}. " + "; ".join(f"{mark}: {words}" for mark, words in presets.confidence_key.items())
    )
    show, add = invocation("providers show PRESET"), invocation("providers add PRESET")
    out.print(f"`{show}` shows more about a provider, `{add}` adds it.")


def _entries(entries: Sequence[Entry], *, named: bool) -> Table:
    rows = table("preset", *(["name"] if named else []), "kind", "region", "host", "mark")
    rows.columns[0].no_wrap = True  # so that it can be copied
    for entry in entries:
        name = [entry.name] if named else []
        rows.add_row(entry.id, *name, entry.kind, entry.region or "-", _host(entry), entry.confidence)
    return rows


def _entry_facts(entry: Entry) -> dict[str, object]:
    return {
        "id": entry.id,
        "name": entry.name,
        "kind": entry.kind,
        "region": entry.region,
        "base_url": entry.base_url,
        "api_key_env": entry.api_key_env,
        "models": entry.tiers or {},
        "confidence": entry.confidence,
    }


def _host(entry: Entry) -> str:
    return entry.base_url.split("://", 1)[1].partition("/")[0]
