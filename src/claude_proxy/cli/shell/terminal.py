"""What the commands for terminals share: the way through the proxy, found and told; the options; standard error."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import click

from claude_proxy.cli.background import admin_client, lifecycle
from claude_proxy.cli.background.admin_client import AdminClient
from claude_proxy.cli.checks import settings_conflicts
from claude_proxy.cli.checks.finding import Verdict
from claude_proxy.cli.claude_code import settings_files
from claude_proxy.cli.output.console import when
from claude_proxy.cli.output.exit_codes import CommandError, Exit
from claude_proxy.cli.output.load_config import load_config
from claude_proxy.cli.probing import credentials
from claude_proxy.cli.probing.advice import advice
from claude_proxy.cli.shell import activate
from claude_proxy.cli.shell.activate import Activation, Change
from claude_proxy.cli.shell.client_requirements import TargetProvider, requirements_of
from claude_proxy.cli.shell.quoting import Shell, statements
from claude_proxy.core.status_report import ProviderStatus, StatusReport
from claude_proxy.core.text import printable
from claude_proxy.core.types import Auth, Provider
from claude_proxy.store.home import Home

SHELL_NAMES = [shell.value for shell in Shell]


class EvaluatedCommand(click.Command):
    """A command whose standard output a shell evaluates: whatever is for people goes to standard error, help too."""

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """Return click's own option, which speaks on standard error here."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.callback = _help
        return option


def _help(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(ctx.get_help(), err=True, color=ctx.color)
        ctx.exit()


shell_option = click.option(
    "--shell",
    type=click.Choice(SHELL_NAMES),
    required=True,
    callback=lambda _ctx, _parameter, value: Shell(value),
    help="The shell that evaluates what is printed.",
)


@dataclass(frozen=True, slots=True)
class ProxyTarget:
    """The way through the running proxy; `fresh`: it was started for it."""

    proxy: AdminClient
    status: StatusReport
    fresh: bool
    lead: Activation


def find_target(home: Home, pin: str | None) -> ProxyTarget:
    """Return the way through the home's proxy, started if need be, to one provider or to all.

    Raises `CommandError`: the proxy cannot be started, or there is no provider of the name `pin`.
    """
    running, fresh = lifecycle.ensure(home)
    proxy = AdminClient.of(running, lifecycle.token_of(home))
    try:
        status = proxy.status()
    except admin_client.ControlError as error:
        raise CommandError(f"the proxy does not tell its providers: {error}") from error
    if pin is not None and pin not in {known.name for known in status.providers}:
        raise CommandError(_unknown(pin, status), code=Exit.USAGE)
    needs = requirements_of([_candidate(one, _configured(home)) for one in status.providers if pin in {None, one.name}])
    return ProxyTarget(proxy, status, fresh, Activation(proxy.url, proxy.host, proxy.token, pin, needs))


def _unknown(name: str, status: StatusReport) -> str:
    for skipped in status.skipped:
        if skipped.name == name:
            return f"provider {name} has no key: set {skipped.variable} in .env"
    return f"no provider is named {name!r}; there are: {', '.join(known.name for known in status.providers)}"


def _configured(home: Home) -> dict[str, Provider]:
    try:
        return {provider.name: provider for provider in load_config(home).providers}
    except CommandError:  # a change with a fault in it: the proxy goes on with what was before, and says so
        return {}


def _candidate(status: ProviderStatus, configured: dict[str, Provider]) -> TargetProvider:
    provider, own_login = configured.get(status.name), status.auth == Auth.CLIENT.value
    if provider is None or provider.base_url != status.base_url:
        return TargetProvider(status.base_url, own_login=own_login)
    models = tuple(provider.models.values())
    known = provider.claude_code, provider.facts
    return TargetProvider(provider.base_url, models, provider.own_models, own_login, *known)


def hand_out(shell: Shell, changes: tuple[Change, ...], *more: str) -> None:
    """Print statements for the shell to evaluate, in the bytes that the environment had, and `more` lines after."""
    text = statements(shell, changes) + "".join(f"{line}\n" for line in more)
    click.echo(os.fsencode(text), nl=False)


def tell(text: str = "") -> None:
    """Say something to the user."""
    click.echo(text, err=True)


def tell_start(way: ProxyTarget) -> None:
    """Say that the proxy was started, if it was."""
    if way.fresh:
        tell(f"claude-proxy started at {way.proxy.url}")


def tell_providers(status: StatusReport) -> None:
    """Say in which order providers are asked, which of them rest, and which lack a key."""
    width = max((len(provider.name) for provider in status.providers), default=0)
    for number, provider in enumerate(status.providers, 1):
        tell(f"  {number}. {provider.name:<{width}}  {_state(provider)}".rstrip())
    for skipped in status.skipped:
        tell(f"  left out: {skipped.name} has no key (set {skipped.variable} in .env)")


def tell_problems(status: StatusReport) -> None:
    """Say what is wrong with a changed configuration that the proxy did not take up."""
    if status.config_problems:
        tell("The changed configuration is not in use; the one before it still is:")
    for problem in status.config_problems:
        tell(f"  {printable(problem, 1000)}")


def _state(provider: ProviderStatus) -> str:
    facts = [provider.state]
    if provider.state == "cooldown" and provider.cooldown_until is not None:
        facts = [f"rests until {when(provider.cooldown_until)}"]
    if why := provider.why or provider.reason:
        facts.append(f"({printable(why, 60)})")
    if to_do := list(advice(provider)):
        facts += [f"- {words}" for words in to_do]
    elif provider.auth == Auth.CLIENT.value:
        facts.append(f"- by {credentials.OWN_LOGIN}")
    return " ".join(facts)


def tell_overrides(environ: Mapping[str, str]) -> None:
    """Say which of Claude Code's settings files would win over this environment, by file and variable."""
    for text in overrides(environ):
        tell(f"warning: {text}")


def overrides(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence or two for each variable of a settings file that wins over this environment, here."""
    for finding in settings_conflicts.judge(settings_files.sources(environ, settings_files.working_folder()), environ):
        if finding.verdict is not Verdict.OK:
            yield printable(f"{finding.what}. {finding.mend}", 1000)


def lead_here(shell: Shell, way: ProxyTarget) -> None:
    """Print what leads this terminal there, and say what stands in the way."""
    changes = activate.lead(os.environ, way.lead)
    tell_problems(way.status)
    tell_overrides(activate.applied(os.environ, changes))
    hand_out(shell, changes)
