"""`claude-proxy explain`: what would happen to a request now, candidate by candidate, and why."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from types import MappingProxyType

import click
import msgspec
from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from claude_proxy.cli.background import lifecycle
from claude_proxy.cli.background.admin_client import AdminClient, ControlError
from claude_proxy.cli.claude_code import statusline_text
from claude_proxy.cli.output.console import console, table, when
from claude_proxy.cli.output.exit_codes import Exit
from claude_proxy.cli.output.load_config import load_config
from claude_proxy.core.explanation import MAX_TOKENS, CandidateReport, ExplainQuery, Explanation, explain_request
from claude_proxy.core.listed_models import CLAUDE_MODELS
from claude_proxy.core.routing import tier_of
from claude_proxy.core.selection import Selector
from claude_proxy.core.text import printable
from claude_proxy.store.home import Home
from claude_proxy.store.running import Running

USUAL_MODEL = next(iter(CLAUDE_MODELS))
"""What Claude Code asks for where it is not told otherwise."""


@click.command(
    epilog="\b\nExamples:\n  claude-proxy explain\n  claude-proxy explain --model haiku --tokens 250000 --image"
)
@click.option(
    "--model",
    default=USUAL_MODEL,
    show_default=True,
    help="The model that is asked for: a tier, such as haiku, or any name.",
)
@click.option("--tokens", type=click.IntRange(0, MAX_TOKENS), default=0, help="How long the request is.")
@click.option("--image", is_flag=True, help="There is an image in it.")
@click.option("--session", metavar="ID", default="", help="Its session, as in proxy.log: who holds it counts.")
@click.option("--provider", metavar="NAME", help="As if pinned to that one.  [default: as this terminal is]")
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON object.")
def explain(*, model: str, tokens: int, image: bool, session: str, provider: str | None, as_json: bool) -> int:
    """Show who would be asked for a request now, in which order, why, and what would be changed for each.

    Nothing is sent to any provider. Without a running proxy it is told by the configuration alone.
    """
    target = statusline_text.proxy_target_of(os.environ)
    pin = target.pin if provider is None and target else provider or ""
    question = ExplainQuery(_whole(model), tokens, image, session, pin)
    home = Home.find(os.environ)
    running = lifecycle.find(home)
    told = _asked_of_proxy(home, running, question) if running else _by_configuration(home, question)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(told), indent=2))
    else:
        _show(console(), question, told)
    return Exit.OK


def _whole(model: str) -> str:
    """Return the id that Claude Code sends where a user types a tier, such as `haiku`."""
    return next((known for known in CLAUDE_MODELS if tier_of(known) == model.lower()), model or USUAL_MODEL)


def _asked_of_proxy(home: Home, running: Running, question: ExplainQuery) -> Explanation:
    proxy = AdminClient.of(running, lifecycle.token_of(home))
    try:
        return proxy.explanation(question)
    except ControlError as error:
        raise lifecycle.untold(proxy, error) from error


def _by_configuration(home: Home, question: ExplainQuery) -> Explanation:
    config = load_config(home)
    keyless = MappingProxyType({skipped.name: skipped.variable for skipped in config.skipped})
    selector = Selector(config.providers, keyless, config.routes, config.policy.failback)
    return explain_request(question, selector, None, time.time())


def _show(out: Console, question: ExplainQuery, told: Explanation) -> None:
    size = f", about {question.tokens} tokens" if question.tokens else ""
    out.print(f"A request for {printable(told.model)}{size}{', with an image' if question.image else ''}")
    out.print(f"Order: {printable(told.order)}")
    out.print()
    for fate in told.candidates:
        place = f"{fate.place}." if fate.place else "-"
        model = f" ({printable(fate.model)})" if fate.model else ""
        out.print(f"{place:>3} {printable(fate.provider)}{model}", style="bold" if fate.place else "dim")
        for line in _lines(fate):
            out.print(Padding(line, (0, 0, 0, 4), expand=False))
        out.print(Padding(_changes(fate), (0, 0, 0, 6)))
    out.print()
    out.print(printable(told.verdict, 1000))
    if not told.health_known:
        out.print("The proxy does not run: who rests is not known.", style="yellow")


def _lines(fate: CandidateReport) -> Iterator[str]:
    """Yield what there is to say of a candidate, a line each."""
    for why in fate.why:
        yield printable(why)
    if fate.cooldown_until is not None:
        yield f"rests until {when(fate.cooldown_until)} ({printable(fate.cooldown_reason, 60)})"
    if fate.model and fate.window is None:
        yield "its context window is not known"
    elif fate.window is not None:
        yield f"context window {fate.window} tokens"
    if fate.changes:
        yield "would be changed, where it stands in the request:"


def _changes(fate: CandidateReport) -> Table:
    """Return a list in which a change that needs several lines is still seen to be one."""
    rows = table("", "")
    rows.show_header = False
    rows.padding = (0, 1, 0, 0)
    for change in fate.changes:
        rows.add_row("-", printable(change))
    return rows
