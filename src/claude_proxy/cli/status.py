"""`claude-proxy status`: whether the proxy runs, and how its providers are."""

from __future__ import annotations

import os
from datetime import datetime

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from claude_proxy import __version__
from claude_proxy.cli import lifecycle
from claude_proxy.cli.console import console, table
from claude_proxy.cli.control import Control, ControlError, ProviderStatus, Status
from claude_proxy.cli.exits import CommandError, Exit
from claude_proxy.store.home import Home
from claude_proxy.store.text import printable
from claude_proxy.store.token import installation_token

STATE_STYLES = {"ready": "green", "resting": "yellow", "probing": "cyan"}


@click.command(epilog="\b\nExamples:\n  claude-proxy status\n  claude-proxy status --json")
@click.option("--json", "as_json", is_flag=True, help='For programs: one JSON object; {"running": false, ...} too.')
def status(*, as_json: bool) -> int:
    """Show whether the proxy runs, where, and how its providers are. The exit code is 1 where it does not run."""
    home = Home.find(os.environ)
    running = lifecycle.find(home)
    if running is None:
        _tell_not_running(home, as_json=as_json)
        return Exit.FAILED
    proxy = Control.of(running, installation_token(home))
    try:
        if as_json:
            facts = msgspec.json.decode(proxy.status_json(), type=dict[str, object])
            _tell_json({"running": True, "url": proxy.url, "home": str(home.root), **facts})
        else:
            _show(console(), proxy.url, proxy.status())
    except (ControlError, ValueError) as error:
        raise CommandError(
            f"the proxy at {proxy.url} does not tell its status: {error}",
            hint="`claude-proxy restart --force` mends that.",
        ) from error
    return Exit.OK


def _tell_not_running(home: Home, *, as_json: bool) -> None:
    draining = lifecycle.find_draining(home)
    if as_json:
        facts = {"running": False, "draining": draining is not None, "home": str(home.root), "version": __version__}
        _tell_json(facts)
    elif draining:
        click.echo(f"claude-proxy is stopping: it finishes the requests that it has (pid {draining.pid})")
    else:
        click.echo(f"claude-proxy is not running (home: {home.root}). Start it with: claude-proxy start")


def _tell_json(facts: dict[str, object]) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(facts), indent=2))


def _show(out: Console, url: str, status: Status) -> None:
    out.print(_headline(url, status))
    out.print(_facts(status))
    out.print()
    out.print(_providers(status))
    for warning in status.warnings:  # of providers that are skipped, too
        out.print(f"warning: {printable(warning)}", style="yellow")
    if status.config_problems:
        out.print("The changed configuration is not in use; the one before it still is:", style="red")
        for problem in status.config_problems:
            out.print(f"  {printable(problem, 1000)}")
    if status.version != __version__:
        out.print(f"This is claude-proxy {__version__}: `claude-proxy restart` brings it into use.", style="yellow")


def _headline(url: str, status: Status) -> Text:
    state = ("stopping", "yellow") if status.draining else ("running", "green")
    return Text.assemble("claude-proxy ", printable(status.version), " is ", state, f" at {url}")


def _facts(status: Status) -> str:
    facts = [f"since {_when(status.started_at)}", f"pid {status.pid}", f"{status.in_flight} in flight"]
    if status.last_answer:
        last = status.last_answer
        facts.append(f"last answer {_when(last.at)} from {printable(last.provider)} ({printable(last.model)})")
    return ", ".join(facts)


def _providers(status: Status) -> Table:
    rows = table("provider", "state", "strikes", "last error")
    for provider in status.providers:
        rows.add_row(provider.name, _state(provider), str(provider.strikes or "-"), _last_error(provider))
    return rows


def _state(provider: ProviderStatus) -> Text:
    state = Text(printable(provider.state), style=STATE_STYLES.get(provider.state, ""))
    if provider.rest_until is not None and provider.state == "resting":
        state.append(f" until {_when(provider.rest_until)}")
    if provider.reason:
        state.append(f" ({printable(provider.reason, 60)})")
    return state


def _last_error(provider: ProviderStatus) -> Text:
    error = provider.last_error
    text = Text(f"{_when(error.at)} {printable(error.text)}" if error else "-")
    if provider.key_rejected:
        text.append(f" -> the key in {provider.key} was rejected: mend it", style="red")
    return text


def _when(epoch: float) -> str:
    """Return a local time: the hour where it is today, the date as well where it is not."""
    then = datetime.fromtimestamp(epoch).astimezone()
    today = then.date() == datetime.now().astimezone().date()
    return then.strftime("%H:%M" if today else "%Y-%m-%d %H:%M")
