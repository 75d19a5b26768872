"""`claude-proxy status`: whether the proxy runs, and the state of its providers."""

from __future__ import annotations

import os

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from claude_proxy import __version__
from claude_proxy.cli.background import lifecycle
from claude_proxy.cli.background.admin_client import AdminClient, ControlError
from claude_proxy.cli.checks.settings_conflicts import conflicts
from claude_proxy.cli.claude_code import statusline_text
from claude_proxy.cli.claude_code.effective_settings import Effective
from claude_proxy.cli.output.console import console, print_json, table, too_large_in_words, when
from claude_proxy.cli.output.exit_codes import Exit
from claude_proxy.cli.output.program import invocation, start_command, with_invocations
from claude_proxy.cli.output.quota_table import quota_table
from claude_proxy.cli.user_config.credentials import advice, key_place
from claude_proxy.core.amounts import dollars_of, short_dollars, spent_in_words
from claude_proxy.core.auth import Auth
from claude_proxy.core.body_limit import how_to_raise
from claude_proxy.core.egress import DIRECTLY
from claude_proxy.core.status_report import ProviderStatus, StatusReport, WaitingRequest, state_in_words
from claude_proxy.core.text import encodable, neutral, printable
from claude_proxy.core.usage_totals import Sum
from claude_proxy.store.home import Home
from claude_proxy.store.running import Running

MAX_EGRESS = 600
"""Characters of the way to the providers: NO_PROXY may name many hosts."""
STATE_STYLES = {"ready": "green", "cooldown": "yellow", "probing": "cyan"}


@click.command(epilog="\b\nExamples:\n  claude-proxy status\n  claude-proxy status --json")
@click.option("--json", "as_json", is_flag=True, help='For programs: one JSON object; {"running": false, ...} too.')
def status(*, as_json: bool) -> int:
    """Show whether the proxy runs, where, and the state of its providers. The exit code is 1 if it does not run."""
    home = Home.find(os.environ)
    running = lifecycle.find(home)
    if running is None:
        return _tell_not_running(home, as_json=as_json)
    proxy = AdminClient.of(running, lifecycle.token_of(home))
    try:
        if as_json:
            facts = msgspec.json.decode(proxy.status_json(), type=dict[str, object])
            print_json(
                {"running": True, "url": proxy.url, "home": encodable(str(home.root)), "terminal": _mode(), **facts}
            )
        else:
            report = proxy.status()
            _show(console(), proxy.url, report)
            _show_terminal(console(), running, report)
    except (ControlError, msgspec.MsgspecError, ValueError) as error:
        if lifecycle.find(home) is None:  # it has stopped listening since it was found
            return _tell_not_running(home, as_json=as_json)
        raise lifecycle.status_error(proxy, error) from error
    return Exit.OK


def _tell_not_running(home: Home, *, as_json: bool) -> int:
    draining = lifecycle.find_draining(home)
    if as_json:
        facts = {"running": False, "draining": draining is not None, "home": encodable(str(home.root))}
        print_json({**facts, "terminal": _mode(), "version": __version__})
        return Exit.FAILED
    if draining and draining.has_address:
        click.echo(f"claude-proxy is stopping: it finishes its requests (pid {draining.pid})")
    elif draining:
        click.echo(f"claude-proxy runs (pid {draining.pid}), but cannot be asked: it is just starting, or stopping.")
        click.echo(f"`{invocation('restart')}` helps if it stays so.")
    else:
        place = neutral(str(home.root))
        click.echo(f"claude-proxy is not running (home: {place}). Start it with: {start_command(os.environ)}")
    _show_terminal(console(), None)
    return Exit.FAILED


def _mode() -> dict[str, str]:
    """Return this terminal's mode: `fallback`, `pinned` (with the provider) or `normal` (without the proxy)."""
    target = statusline_text.proxy_target_of(os.environ)
    if target is None:
        return {"mode": "normal"}
    return {"mode": "pinned", "provider": target.pin} if target.pin else {"mode": "fallback"}


def _show_terminal(out: Console, running: Running | None, report: StatusReport | None = None) -> None:
    """Show this terminal's mode, and what keeps it from working; `running` is the proxy, if there is one."""
    target = statusline_text.proxy_target_of(os.environ)
    if target is None and (file := Effective.read(os.environ).leading_file()):
        out.print(f"This terminal: direct, but env in {printable(str(file), 300)} sends claude through the proxy")
    elif target is None:
        out.print("This terminal: direct, claude is not using the proxy")
    else:
        pin = printable(target.pin, 64)
        out.print("This terminal: " + (f"pinned to {pin}, without failover" if pin else "fallback mode"))
        if running is None or running.port != target.port:
            again = f"claude-switch {pin}" if pin else "claude-fb"
            out.print(f"No proxy is at the address that this terminal uses. Type {again} again.", style="yellow")
        elif report and target.pin and (fault := pin_fault(target.pin, report)):
            out.print(f"{printable(fault, 1000)}. Until then, each request of this terminal fails.", style="bold red")
    for text in conflicts(os.environ):
        out.print(f"warning: {text}", style="yellow")


def pin_fault(pin: str, report: StatusReport) -> str:
    """Return why a terminal's provider cannot be asked, and the next step; empty if it can."""
    names = [provider.name for provider in report.providers]
    if pin in names:
        return ""
    skipped = next((each for each in report.skipped if each.name == pin), None)
    if skipped:
        return f"Provider {pin} has no key: set {skipped.variable} in .env"
    choice = f"Type claude-fb, or claude-switch with one of: {', '.join(names)}"
    return f"No provider is named {pin}: it was renamed or removed. {choice}"


def _show(out: Console, url: str, status: StatusReport) -> None:
    out.print(_headline(url, status))
    out.print(_facts(status))
    if status.egress not in {"", DIRECTLY}:
        out.print(f"It reaches the providers {printable(status.egress, MAX_EGRESS)}")
    out.print()
    out.print(_providers(status))
    _show_quotas(out, status)
    _show_budgets(out, status)
    for provider in status.providers:
        for words in advice(provider):
            out.print(f"-> {printable(words)}", style="red")
    for wait in status.waiting:
        out.print(waiting_in_words(wait), style="yellow")
    if refused := status.too_large:
        out.print(f"warning: {too_large_in_words(refused)} {how_to_raise(refused.limit)}", style="yellow")
    for warning in status.warnings:  # also about providers that are skipped
        out.print(f"warning: {printable(warning)}", style="yellow")
    if status.config_problems:
        out.print("The changed configuration cannot be used; the one before it stays in use:", style="red")
        for problem in status.config_problems:
            out.print(f"  {printable(with_invocations(problem), 1000)}")
    if status.version != __version__:
        out.print(
            f"This is claude-proxy {__version__}: `{invocation('restart')}` makes the proxy use it.", style="yellow"
        )


def _show_quotas(out: Console, status: StatusReport) -> None:
    if quotas := quota_table(status.providers):
        out.print()
        out.print(quotas)


def _show_budgets(out: Console, status: StatusReport) -> None:
    if status.budgets:
        rows = table("budget", "spent", "begins anew")
        for budget in status.budgets:
            whose = f" for {printable(budget.provider)}" if budget.provider else ""
            style = "bold red" if budget.share >= 1 else "yellow" if budget.is_nearly_used_up else ""
            spent = f"{dollars_of(Sum(budget.spent, budget.unknown))} ({int(100 * budget.share)} %)"
            rows.add_row(
                f"{short_dollars(budget.dollars)} a {printable(budget.per)}{whose}",
                Text(spent, style=style),
                when(budget.begins_anew),
            )
        out.print()
        out.print(rows)


def _headline(url: str, status: StatusReport) -> Text:
    state = ("stopping", "yellow") if status.draining else ("running", "green")
    return Text.assemble("claude-proxy ", printable(status.version), " is ", state, f" at {url}")


def _facts(status: StatusReport) -> str:
    facts = [f"since {when(status.started_at)}", f"pid {status.pid}", f"{status.in_flight} in flight"]
    if status.answers_saved:
        facts.append(f"{status.answers_saved} broken answer{'s' if status.answers_saved > 1 else ''} completed")
    if status.last_answer:
        last = status.last_answer
        facts.append(f"last answer {when(last.at)} from {printable(last.provider)} ({printable(last.model)})")
    spent = spent_in_words(status.spent_today)
    return ", ".join(facts) + (f"\nToday's requests cost {spent}" if spent else "")


def _providers(status: StatusReport) -> Table:
    rows = table("provider", "state", "strikes", "last error")
    for provider in status.providers:
        rows.add_row(provider.name, _state(provider), str(provider.strikes or "-"), _last_error(provider))
    return rows


def _state(provider: ProviderStatus) -> Text:
    words = state_in_words(provider)
    to_fix = words != provider.state
    state = Text(printable(words), style=STATE_STYLES.get(words, "bold red" if to_fix else ""))
    if provider.key_rejected and provider.auth != Auth.CLIENT.value:
        state.append(f": {printable(key_place(provider), 100)}")
    if provider.cooldown_until is not None and provider.state == "cooldown":
        state.append(f"{', cooldown' if to_fix else ''} until {when(provider.cooldown_until)}")
    if (why := provider.why or provider.reason) and not to_fix:
        state.append(f" ({printable(why, 60)})")
    return state


def waiting_in_words(wait: WaitingRequest) -> str:
    """Return which provider a request waits for, how long it has been silent, and who is next."""
    then = f", then {printable(wait.then)}" if wait.then else ""
    return f"waiting for {printable(wait.provider)}, {wait.seconds:.0f} s{then}"


def _last_error(provider: ProviderStatus) -> Text:
    error = provider.last_error
    if error and error.answered:
        return Text(f"{when(error.at)} {printable(error.text)} (it has answered since)", style="dim")
    return Text(f"{when(error.at)} {printable(error.text)}" if error else "-")
