"""`claude-proxy rules`: the rules that were learned from providers' errors, and how to forget them."""

from __future__ import annotations

import os
import time
from datetime import datetime
from typing import Final

import click
import msgspec
from rich.console import Console
from rich.padding import Padding

from claude_proxy.cli.background import lifecycle
from claude_proxy.cli.background.admin_client import AdminClient, ControlError
from claude_proxy.cli.output.console import console, print_json, table
from claude_proxy.cli.output.exit_codes import CommandError, Exit
from claude_proxy.cli.shell.activation import original_environment
from claude_proxy.config.load import ConfigError, load
from claude_proxy.core.adaptation.ordered_rules import describe_rule
from claude_proxy.core.learning.learned_rules import RuleReport
from claude_proxy.core.text import printable
from claude_proxy.core.upstream_names import UpstreamNames
from claude_proxy.proxy.gateway import Memory
from claude_proxy.store.files import write_private
from claude_proxy.store.home import Home
from claude_proxy.store.state_file import encode_state, read_state

FORGET: Final = "forget"

WIDTH_OF_ROWS: Final = 160
"""Columns of a row, most of them for the message."""


class _Rules(msgspec.Struct, frozen=True):
    rules: list[RuleReport]


class _Forgotten(msgspec.Struct, frozen=True):
    forgotten: int


@click.command(
    epilog="\b\nExamples:\n  claude-proxy rules\n  claude-proxy rules forget minimax\n  claude-proxy rules forget --all"
)
@click.argument("action", required=False, type=click.Choice([FORGET]))
@click.argument("provider", required=False)
@click.option("--all", "everything", is_flag=True, help="With forget: the rules of every provider.")
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON object.")
def rules(*, action: str | None, provider: str | None, everything: bool, as_json: bool) -> int:
    """Show the rules that were learned from providers' errors, each with the error message it comes from.

    A rule changes requests before they are sent, until it expires. Providers with the same address share their rules.
    `forget` with the name of a provider, or with --all, removes rules now: the next such error creates them again.
    """
    home = Home.find(os.environ)
    if action is None:
        if everything:
            raise click.UsageError("--all needs forget")
        _print_rules(_rules(home), as_json=as_json)
        return Exit.OK
    if everything == bool(provider):
        raise click.UsageError("forget which rules? Name a provider, or use --all")
    forgotten = _forget(home, provider)
    if as_json:
        print_json({"forgotten": forgotten})
    else:
        count = "1 rule" if forgotten == 1 else f"{forgotten} rules"
        click.echo(f"Forgotten: {count}{f' of {printable(provider)}' if provider else ''}.")
    return Exit.OK


def _rules(home: Home) -> list[RuleReport]:
    """Return the rules of the running proxy, or those that it left on disk. Raises `CommandError`."""
    if proxy := _running(home):
        try:
            return proxy.get("/admin/rules", _Rules).rules
        except ControlError as error:
            raise lifecycle.status_error(proxy, error) from error
    memory, now, names = Memory(), time.time(), _names(home)
    _recall(home, memory, now, names)
    return memory.learned_rules.report(names, now)


def _forget(home: Home, provider: str | None) -> int:
    if proxy := _running(home):
        try:
            return proxy.post("/admin/rules/forget", {"provider": provider}, _Forgotten).forgotten
        except ControlError as error:
            raise lifecycle.status_error(proxy, error) from error
    lifecycle.prepare(home)
    with lifecycle.claim(home):  # a proxy that started meanwhile would write back what it had read
        memory, now, names = Memory(), time.time(), _names(home)
        _recall(home, memory, now, names)
        forgotten = memory.learned_rules.forget(None if provider is None else names.upstream(provider))
        if forgotten:
            write_private(home.memory, encode_state(memory, now))
        return forgotten


def _names(home: Home) -> UpstreamNames:
    """Return the names of the upstreams; none if the configuration can't be used, since rules can do without."""
    try:
        return load(home.root, original_environment(os.environ)).upstream_names
    except ConfigError:
        return UpstreamNames()


def _recall(home: Home, memory: Memory, now: float, names: UpstreamNames) -> None:
    if problem := read_state(home.memory, memory, now, names):
        raise CommandError(problem)


def _running(home: Home) -> AdminClient | None:
    running = lifecycle.find(home)
    return AdminClient.of(running, lifecycle.token_of(home)) if running else None


def _print_rules(rules: list[RuleReport], *, as_json: bool) -> None:
    if as_json:
        print_json({"rules": [_as_json(rule) for rule in rules]})
    elif rules:
        show(console(), rules)
    else:
        click.echo("No provider has rejected anything that can be left out.")


def _as_json(report: RuleReport) -> dict[str, object]:
    learned = report.learned
    return {
        "providers": report.providers,
        "upstream": learned.upstream,
        "model": learned.model,
        "rule": str(learned.rule),
        "in_words": describe_rule(learned.rule),
        "at": learned.at,
        "expires": learned.expires,
        "message": learned.message,
    }


def show(out: Console, rules: list[RuleReport]) -> None:
    """Print the rules: in a row each, or a few lines each if the terminal is too narrow for rows."""
    if out.width < WIDTH_OF_ROWS:
        for report in rules:
            learned = report.learned
            out.print(printable(f"{_providers(report)}, {learned.model}: {describe_rule(learned.rule)}"))
            reason = f"{_day(learned.at)} to {_day(learned.expires)}, learned from: {learned.message}"
            out.print(Padding(printable(reason), (0, 0, 0, 2)))
        return
    rows = table("provider", "model", "what is changed", "since", "until", "learned from")
    for report in rules:
        learned = report.learned
        dates = _day(learned.at), _day(learned.expires)
        words = (_providers(report), learned.model, describe_rule(learned.rule), *dates, learned.message)
        rows.add_row(*map(printable, words))
    out.print(rows)


def _providers(report: RuleReport) -> str:
    return ", ".join(report.providers)


def _day(epoch: float) -> str:
    return datetime.fromtimestamp(epoch).astimezone().strftime("%Y-%m-%d")
