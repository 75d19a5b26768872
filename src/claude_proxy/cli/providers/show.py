"""`claude-proxy providers show`: what a provider is sent, and what is known about it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator

import click
import msgspec
from rich.console import Console
from rich.table import Table

from claude_proxy.cli.output.console import console, table
from claude_proxy.cli.providers import formatting, price_lines
from claude_proxy.cli.providers.naming import index_of, unknown_name
from claude_proxy.cli.user_config.config_files import ConfigFiles
from claude_proxy.config.catalogue import Entry, catalogue
from claude_proxy.config.load import Configured
from claude_proxy.config.prices import price_lists, why_unpriced
from claude_proxy.core.messages import MESSAGES_PATH
from claude_proxy.core.prices import UNKNOWN
from claude_proxy.core.pricing import prices_of
from claude_proxy.core.text import printable
from claude_proxy.core.traits import ModelFacts, known_of
from claude_proxy.core.types import Provider
from claude_proxy.store.home import Home

_YES_OR_NO = {True: "yes", False: "no", None: "-"}
_FILL_IN = "your-{}"
"""Takes the place of each user's own part of an address."""


@click.command(epilog="\b\nExample:\n  claude-proxy providers show zai")
@click.argument("name")
def show(*, name: str) -> None:
    """Show what the provider NAME is sent, and what is known about it. NAME may also be a preset of the catalogue."""
    files = ConfigFiles.read(Home.find(os.environ))
    configured = files.configured()
    known = {provider.provider.name for provider in configured}
    entry = catalogue().by_id(name)
    if name in known:
        _show(console(), configured[index_of(name, configured)], is_configured=True)
    elif entry:
        _show(console(), _as_preset(files, entry), is_configured=False)
    else:
        raise unknown_name(name, (*known, *catalogue().ids), "is neither configured nor in the catalogue")


def _as_preset(files: ConfigFiles, entry: Entry) -> Configured:
    """Return what a preset would be, if config.json named only that."""
    element = {"preset": entry.id}
    if entry.placeholders:
        filled = {place: _FILL_IN.format(place) for place in entry.placeholders}
        element["base_url"] = entry.base_url.format(**filled)
    return files.survey(msgspec.json.encode({"providers": [element]}).decode()).providers[0]


def _show(out: Console, configured: Configured, *, is_configured: bool) -> None:
    out.print(_headline(configured, is_configured=is_configured), style="bold")
    out.print(_sending(configured))
    out.print()
    _show_models(out, configured)
    _section(out, "About its models:", _remarks(configured))
    _section(out, "What is changed in a request:", formatting.describe_changes(configured.provider))
    if configured.entry:
        _section(out, "What is known about it:", configured.entry.quirks)
        _section(out, "What its documentation sets for Claude Code:", _variables(configured.entry))
        marks = catalogue().confidence_key
        out.print(
            f"\nAs of {catalogue().as_of}. Mark {configured.entry.confidence}: {marks[configured.entry.confidence]}."
            f"\nPrices as of {price_lists().as_of}, most of them from {price_lists().package} {price_lists().version}."
        )


def _headline(configured: Configured, *, is_configured: bool) -> str:
    title = f"{configured.provider.name}: {configured.entry.name}" if configured.entry else configured.provider.name
    if not is_configured:
        return f"{title} (not configured)"
    return title if configured.enabled else f"{title} (disabled)"


def _sending(configured: Configured) -> Table:
    provider, variable = configured.provider, configured.missing or configured.provider.api_key_env
    rows = table("", "")
    rows.show_header = False
    rows.add_row("sent to", f"POST {provider.base_url}{MESSAGES_PATH}")
    rows.add_row("with", formatting.auth_header(provider, variable) + (" (not set)" if configured.missing else ""))
    for name, _ in provider.headers:
        rows.add_row("", f"{name.decode()}: <from config.json>")
    rows.add_row("count_tokens", _counting(configured))
    return rows


def _counting(configured: Configured) -> str:
    if not configured.provider.counts_tokens:
        return "no: the proxy estimates"
    known = configured.entry.endpoints.count_tokens if configured.entry else "unknown"
    return "yes" if known == "yes" else "not known: it is tried, and if it fails the proxy estimates"


def _show_models(out: Console, configured: Configured) -> None:
    if not configured.provider.own_models:
        out.print("It is sent the models that are requested; none of its own is known.")
        return
    out.print(_models(configured.provider))
    unit = "in USD per million tokens"
    if configured.provider.is_plan:
        out.print(f"A plan with a flat fee pays. The prices, {unit}, are those without it.", style="dim")
    else:
        out.print(f"Prices are {unit}.", style="dim")


def _models(provider: Provider) -> Table:
    rows = table("model", "for", "window", "output", "images", "thinking", *price_lines.COLUMNS)
    rows.columns[0].no_wrap = True  # so that it can be copied
    rows.padding = (0, 1, 0, 0)
    for model in provider.own_models:
        facts = known_of(provider.facts, model) or ModelFacts()
        sizes = formatting.format_tokens(facts.context), formatting.format_tokens(facts.max_output)
        thinking = facts.thinking.value if facts.thinking else "-"
        used = formatting.format_tiers(provider, model) or "-"
        prices = prices_of(provider.prices, model)
        price = price_lines.format_price(prices.at(0, time.time()) if prices else UNKNOWN)
        rows.add_row(printable(model), used, *sizes, _YES_OR_NO[facts.images], thinking, *price)
    return rows


def _remarks(configured: Configured) -> Iterator[str]:
    """Yield what else is known about the models, a line each."""
    provider, entry, now = configured.provider, configured.entry, time.time()
    known = {name: prices for name in provider.own_models if (prices := prices_of(provider.prices, name))}
    yield from price_lines.describe_hour_writes(known, now)
    for name in provider.own_models:
        if name in known:
            yield from price_lines.describe_prices(name, known[name], now)
        elif entry and (why := why_unpriced(entry.id, name)):
            yield f"{name}: no price is known, since {why}"
        if entry and name in entry.models and (note := entry.models[name].note):
            yield f"{name}: {note}"


def _variables(entry: Entry) -> Iterator[str]:
    return (f"{name}={value}" for name, value in entry.claude_code_env.items())


def _section(out: Console, title: str, lines: Iterable[str]) -> None:
    """Print lines under a title, and nothing if there are none."""
    rows = list(lines)
    if rows:
        out.print()
        out.print(title, style="bold")
        items = table("", "")
        items.show_header = False
        items.padding = (0, 1, 0, 0)
        for row in rows:
            items.add_row("-", printable(row))
        out.print(items)
