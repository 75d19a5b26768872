"""`claude-proxy check`: whether the configuration is valid and, with --live, whether each provider answers."""

from __future__ import annotations

import asyncio
import os

import click
from rich.console import Console
from rich.text import Text

from claude_proxy.cli.output.console import console, table
from claude_proxy.cli.output.exit_codes import Exit
from claude_proxy.cli.output.program import invocation
from claude_proxy.cli.probing.probe import Probe, probe_all
from claude_proxy.cli.probing.way_out import difference, way_of
from claude_proxy.cli.user_config import credentials
from claude_proxy.cli.user_config.config_files import load_config
from claude_proxy.config.load import Config
from claude_proxy.core.auth import Auth
from claude_proxy.core.text import printable
from claude_proxy.store.home import Home


@click.command(epilog="\b\nExamples:\n  claude-proxy check\n  claude-proxy check --live")
@click.option("--live", is_flag=True, help="Send one tiny request to each provider; costs a few tokens.")
def check(*, live: bool) -> int:
    """Check config.json and .env, and show which providers have a key.

    The exit code is 2 if the configuration is wrong, 1 if a provider does not answer a live request.
    """
    home = Home.find(os.environ)
    config = load_config(home)
    out = console()
    for warning in config.warnings:
        out.print(f"warning: {printable(warning)}", style="yellow")
    if not live:
        _show_keys(out, home, config)
        return Exit.OK
    probes = asyncio.run(probe_all(config.providers, config.policy, config.egress))
    _show_probes(out, probes)
    out.print(f"The requests went {way_of(config.egress)}, as this terminal is set.")
    if other_way := difference(home, config.egress):
        out.print(f"warning: {other_way}", style="yellow")
    for name in (provider.name for provider in config.providers if provider.auth is Auth.CLIENT):
        out.print(f"{name} was not asked: {credentials.NO_KEY_TO_TEST}.")
    return Exit.OK if all(probe.answered for probe in probes) else Exit.FAILED


def _show_keys(out: Console, home: Home, config: Config) -> None:
    rows = table("provider", "address", "key")
    for provider in config.providers:
        location = credentials.key_location(provider.auth.value, provider.api_key_env)
        rows.add_row(provider.name, provider.base_url, Text(location, style="green"))
    for skipped in config.skipped:
        rows.add_row(skipped.name, "-", Text(f"missing: set {skipped.variable} in .env", style="red"))
    out.print(rows)
    out.print(f"The configuration in {home.root} is valid. `{invocation('check --live')}` tests the keys.")


def _show_probes(out: Console, probes: list[Probe]) -> None:
    rows = table("provider", "model", "answer", "time", "error")
    for probe in probes:
        style = "green" if probe.answered else "red"
        latency = f"{probe.milliseconds:.0f} ms"
        rows.add_row(probe.provider.name, printable(probe.model), Text(probe.label, style), latency, _error(probe))
    out.print(rows)


def _error(probe: Probe) -> str:
    message = printable(probe.error) or "-"
    if probe.key_rejected:
        return f"{credentials.rejection(probe.provider)} ({message})"
    return message if not probe.answered else "-"
