"""`claude-proxy providers show`: what a provider is sent, and what is known of it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

import click
import msgspec
from rich.console import Console
from rich.table import Table

from claude_proxy.cli.output.console import console, table
from claude_proxy.cli.providers import formatting
from claude_proxy.cli.providers.config_files import ConfigFiles
from claude_proxy.cli.providers.naming import place_of, unknown
from claude_proxy.config.catalogue import Entry, PriceTier, catalogue
from claude_proxy.config.load import Configured
from claude_proxy.core.messages import MESSAGES_PATH
from claude_proxy.core.text import printable
from claude_proxy.core.traits import ModelFacts, Price, known_of
from claude_proxy.core.types import Provider
from claude_proxy.store.home import Home

PRICES = ("in", "out", "cached")
"""Tokens of the request, of the answer, and those read from the cache."""
_YES_OR_NO = {True: "yes", False: "no", None: "-"}
_FILL_IN = "your-{}"
"""Stands in an address for what is another for each user."""


@click.command(epilog="\b\nExample:\n  claude-proxy providers show zai")
@click.argument("name")
def show(*, name: str) -> None:
    """Show what the provider NAME is sent, and what is known of it. It need not be configured: NAME may be a preset."""
    files = ConfigFiles.read(Home.find(os.environ))
    configured = files.configured()
    known = {one.provider.name for one in configured}
    entry = catalogue().by_id(name)
    if name in known:
        _show(console(), configured[place_of(name, configured)], is_configured=True)
    elif entry:
        _show(console(), _as_preset(files, entry), is_configured=False)
    else:
        raise unknown(name, (*known, *catalogue().ids), "is neither configured nor in the catalogue")


def _as_preset(files: ConfigFiles, entry: Entry) -> Configured:
    """Return what a preset would be, if config.json named nothing but it."""
    element = {"preset": entry.id}
    if entry.placeholders:
        filled = {place: _FILL_IN.format(place) for place in entry.placeholders}
        element["base_url"] = entry.base_url.format(**filled)
    return files.survey(msgspec.json.encode({"providers": [element]}).decode()).providers[0]


def _show(out: Console, one: Configured, *, is_configured: bool) -> None:
    out.print(_headline(one, is_configured=is_configured), style="bold")
    out.print(_sending(one))
    out.print()
    _show_models(out, one)
    if one.entry:
        _section(out, "Of its models:", _remarks(one.entry))
    _section(out, "What is changed in a request:", formatting.changes(one.provider))
    if one.entry:
        _section(out, "What is known of it:", one.entry.quirks)
        _section(out, "What its documentation sets for Claude Code:", _variables(one.entry))
        marks = catalogue().confidence_key
        out.print(f"\nAs of {catalogue().as_of}. Mark {one.entry.confidence}: {marks[one.entry.confidence]}.")


def _headline(one: Configured, *, is_configured: bool) -> str:
    title = f"{one.provider.name}: {one.entry.name}" if one.entry else one.provider.name
    if not is_configured:
        return f"{title} (not configured)"
    return title if one.enabled else f"{title} (disabled)"


def _sending(one: Configured) -> Table:
    provider, variable = one.provider, one.missing or one.provider.api_key_env
    rows = table("", "")
    rows.show_header = False
    rows.add_row("sent to", f"POST {provider.base_url}{MESSAGES_PATH}")
    rows.add_row("with", formatting.told_who_asks(provider, variable) + (" (not set)" if one.missing else ""))
    for name, _ in provider.headers:
        rows.add_row("", f"{name.decode()}: <of config.json>")
    rows.add_row("count_tokens", _counting(one))
    return rows


def _counting(one: Configured) -> str:
    if not one.provider.counts_tokens:
        return "no: the proxy estimates"
    known = one.entry.endpoints.count_tokens if one.entry else "unknown"
    return "yes" if known == "yes" else "not known: it is asked, and where it fails the proxy estimates"


def _show_models(out: Console, one: Configured) -> None:
    if not one.provider.own_models:
        out.print("Its models are those that are asked for; none of its own is known.")
        return
    out.print(_models(one.provider))
    flat = one.entry is not None and one.entry.flat_fee
    out.print("A flat fee is paid for it." if flat else "Prices are in USD for a million tokens.", style="dim")


def _models(provider: Provider) -> Table:
    rows = table("model", "for", "window", "output", "images", "thinking", *PRICES)
    rows.columns[0].no_wrap = True  # it is there to be copied
    rows.padding = (0, 1, 0, 0)
    for model in provider.own_models:
        facts = known_of(provider.facts, model) or ModelFacts()
        sizes = formatting.tokens(facts.context), formatting.tokens(facts.max_output)
        thinking = facts.thinking.value if facts.thinking else "-"
        used = formatting.tiers(provider, model) or "-"
        rows.add_row(
            printable(model), used, *sizes, _YES_OR_NO[facts.images], thinking, *formatting.prices(facts.price)
        )
    return rows


def _remarks(entry: Entry) -> Iterator[str]:
    """Yield what else is known of the models, a line each."""
    for name, model in entry.models.items():
        for tier in model.price_tiers:
            price = Price(tier.input, tier.output, tier.cache_read)
            told = ", ".join(map(" ".join, zip(PRICES, formatting.prices(price), strict=True)))
            yield f"{name} {_when(tier)}: {told}"
        if model.note:
            yield f"{name}: {model.note}"


def _when(tier: PriceTier) -> str:
    return f"above {tier.above_prompt_tokens} tokens" if tier.above_prompt_tokens else f"at peak ({tier.peak})"


def _variables(entry: Entry) -> Iterator[str]:
    return (f"{name}={value}" for name, value in entry.claude_code_env.items())


def _section(out: Console, title: str, lines: Iterable[str]) -> None:
    """Print lines under a title, and nothing where there are none."""
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
