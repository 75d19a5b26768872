"""`claude-proxy explain`: what would happen to a request now, candidate by candidate, and why."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from types import MappingProxyType

import click
from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from claude_proxy.cli.background import lifecycle
from claude_proxy.cli.background.admin_client import AdminClient, ControlError
from claude_proxy.cli.claude_code import statusline_text
from claude_proxy.cli.output.console import console, print_json, table, when
from claude_proxy.cli.output.exit_codes import CommandError, Exit
from claude_proxy.cli.output.number_types import WholeNumber
from claude_proxy.cli.user_config.config_files import load_config
from claude_proxy.core.explanation import (
    IN_COOLDOWN,
    MAX_TOKENS,
    CandidateReport,
    ExplainQuery,
    Explanation,
    explain_request,
)
from claude_proxy.core.listed_models import CLAUDE_MODELS
from claude_proxy.core.model_names import tier_of
from claude_proxy.core.routing import ROUTED_CLASSES
from claude_proxy.core.selection import Selector
from claude_proxy.core.text import printable
from claude_proxy.store.home import Home
from claude_proxy.store.running import Running

DEFAULT_MODEL = next(iter(CLAUDE_MODELS))
"""What Claude Code asks for by default."""


@click.command(
    epilog="\b\nExamples:\n  claude-proxy explain\n  claude-proxy explain --model haiku --tokens 250000 --image"
)
@click.option(
    "--model",
    default=DEFAULT_MODEL,
    show_default=True,
    help="The model of the request: a tier, such as haiku, or any name.",
)
@click.option("--tokens", type=WholeNumber(0, MAX_TOKENS), default=0, help="The length of the request.")
@click.option("--image", is_flag=True, help="The request contains an image.")
@click.option(
    "--session", metavar="ID", default="", help="Its session, as in proxy.log: a session may stay with a provider."
)
@click.option(
    "--class",
    "request_class",
    type=click.Choice(ROUTED_CLASSES),
    help="What Claude Code says that the request is made for: routes can depend on it.",
)
@click.option("--provider", metavar="NAME", help="As if pinned to that provider.  [default: as this terminal is]")
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON object.")
def explain(
    *,
    model: str,
    tokens: int,
    image: bool,
    session: str,
    request_class: str | None,
    provider: str | None,
    as_json: bool,
) -> int:
    """Show which providers a request would go to now, in which order, why, and what would be changed for each.

    Nothing is sent to any provider. If the proxy does not run, the answer comes from the configuration alone.
    """
    target = statusline_text.proxy_target_of(os.environ)
    pin = target.pin if provider is None and target else provider or ""
    query = ExplainQuery(_full_name(model), tokens, image, session, pin, request_class or "")
    home = Home.find(os.environ)
    running = lifecycle.find(home)
    explanation, warnings = _ask_proxy(home, running, query) if running else _from_configuration(home, query)
    if not explanation.candidates:
        raise CommandError(printable(explanation.verdict, 1000), code=Exit.USAGE)
    if as_json:
        print_json(explanation)
    else:
        _show(console(), query, explanation, warnings)
    return Exit.OK


def _full_name(model: str) -> str:
    """Return the model id that Claude Code sends for a tier, such as `haiku`."""
    return next((known for known in CLAUDE_MODELS if tier_of(known) == model.lower()), model or DEFAULT_MODEL)


def _ask_proxy(home: Home, running: Running, query: ExplainQuery) -> tuple[Explanation, tuple[str, ...]]:
    """Return the explanation, and the warnings about the configuration that the proxy uses."""
    proxy = AdminClient.of(running, lifecycle.token_of(home))
    try:
        return proxy.get(f"/admin/explain?{query.query()}", Explanation), proxy.status().warnings
    except ControlError as error:
        raise lifecycle.status_error(proxy, error) from error


def _from_configuration(home: Home, query: ExplainQuery) -> tuple[Explanation, tuple[str, ...]]:
    config = load_config(home)
    keyless = MappingProxyType({skipped.name: skipped.variable for skipped in config.skipped})
    selector = Selector(config.providers, keyless, config.routes, config.policy.failback)
    return explain_request(query, selector, None, time.time()), config.warnings


def _show(out: Console, query: ExplainQuery, explanation: Explanation, warnings: tuple[str, ...]) -> None:
    size = f", about {query.tokens:,} tokens" if query.tokens else ""
    image = ", with an image" if query.image else ""
    purpose = f", of the class {query.request_class}" if query.request_class else ""
    out.print(f"A request for {printable(explanation.model)}{size}{image}{purpose}")
    out.print(f"Order: {printable(explanation.order)}")
    out.print()
    for report in explanation.candidates:
        place = f"{report.place}." if report.place else "-"
        model = f" ({printable(report.model)})" if report.model else ""
        out.print(f"{place:>3} {printable(report.provider)}{model}", style="bold" if report.place else "dim")
        for line in _lines(report):
            out.print(Padding(line, (0, 0, 0, 4), expand=False))
        out.print(Padding(_changes(report), (0, 0, 0, 6)))
    for warning in warnings:
        out.print(f"warning: {printable(warning)}", style="yellow")
    out.print()
    out.print(printable(explanation.verdict, 1000))
    if not explanation.health_known:
        words = "which providers are cooling down or over budget."
        out.print(f"The proxy does not run, so it is not known {words}", style="yellow")


def _lines(report: CandidateReport) -> Iterator[str]:
    """Yield what there is to say about a candidate, a line each."""
    cooldown = _cooldown(report)
    for reason in report.why:
        if reason.startswith(IN_COOLDOWN):
            yield cooldown + printable(reason.removeprefix(IN_COOLDOWN))
        else:
            yield printable(reason)
    if report.cooldown_until is not None and not any(reason.startswith(IN_COOLDOWN) for reason in report.why):
        yield cooldown
    if report.model and report.window is None:
        yield "its context window is not known"
    elif report.window is not None:
        yield f"context window {report.window:,} tokens"
    if report.changes:
        yield "would be changed, if it is in the request:"


def _cooldown(report: CandidateReport) -> str:
    """Return `in cooldown until 14:05 (plan limit)`."""
    until = "" if report.cooldown_until is None else f" until {when(report.cooldown_until)}"
    why = f" ({printable(report.cooldown_reason, 60)})" if report.cooldown_reason else ""
    return f"{IN_COOLDOWN}{until}{why}"


def _changes(report: CandidateReport) -> Table:
    """Return a list in which a change that takes several lines still looks like one."""
    rows = table("", "")
    rows.show_header = False
    rows.padding = (0, 1, 0, 0)
    for change in report.changes:
        rows.add_row("-", printable(change))
    return rows
