"""The running proxy as the target of a terminal, or of a command: found or started, activated, and reported."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from claude_proxy.cli.background import admin_client, lifecycle
from claude_proxy.cli.background.admin_client import AdminClient
from claude_proxy.cli.checks import settings_conflicts
from claude_proxy.cli.claude_code.effective_settings import Effective
from claude_proxy.cli.output.console import when
from claude_proxy.cli.output.exit_codes import CommandError, Exit
from claude_proxy.cli.output.program import invocation, with_invocations
from claude_proxy.cli.shell import activation
from claude_proxy.cli.shell.activation import Activation
from claude_proxy.cli.shell.quoting import Shell
from claude_proxy.cli.shell.terminal import print_statements, say
from claude_proxy.cli.user_config import credentials
from claude_proxy.cli.user_config.credentials import advice
from claude_proxy.core.auth import Auth
from claude_proxy.core.client_requirements import combine
from claude_proxy.core.status_report import ProviderStatus, StatusReport, state_in_words
from claude_proxy.core.text import printable
from claude_proxy.store.home import Home


@dataclass(frozen=True, slots=True)
class ProxyTarget:
    """The running proxy as a terminal's target; `started`: this command started it."""

    proxy: AdminClient
    status: StatusReport
    started: bool
    activation: Activation


def find_target(home: Home, pin: str | None) -> ProxyTarget:
    """Return the home's proxy, started if necessary, as the target of a terminal, with one provider or all.

    Raises `CommandError` if the proxy cannot be started, if no provider is named `pin`, or if the terminal's shell
    cannot set the variables.
    """
    running, started = lifecycle.ensure(home)
    proxy = AdminClient.of(running, lifecycle.token_of(home))
    try:
        status = proxy.status()
    except admin_client.ControlError as error:
        raise CommandError(f"the proxy does not list its providers: {error}") from error
    if pin is not None and pin not in {known.name for known in status.providers}:
        raise CommandError(_unknown(pin, status), code=Exit.USAGE)
    requirements = combine([provider.client for provider in status.providers if pin in {None, provider.name}])
    effective = Effective.read(os.environ)
    settings_proxy = any(effective.value(name) for name in activation.PROXY_VARIABLES if name in effective.source)
    to = Activation(proxy.url, proxy.host, proxy.token, pin, requirements, settings_proxy)
    if fixed := activation.readonly(os.environ, activation.activate(os.environ, to)):
        raise CommandError(
            f"readonly in this shell, so this terminal stays as it is: {', '.join(fixed)}",
            hint=f"Remove `readonly` where it is set, or start Claude Code with `{invocation('run -- claude')}`.",
        )
    return ProxyTarget(proxy, status, started, to)


def _unknown(name: str, status: StatusReport) -> str:
    for skipped in status.skipped:
        if skipped.name == name:
            return f"provider {name} has no key: set {skipped.variable} in .env"
    return f"no provider is named {name!r}. Choose one of: {', '.join(known.name for known in status.providers)}"


def report_start(target: ProxyTarget) -> None:
    """Say that the proxy was started, if it was."""
    if target.started:
        say(f"claude-proxy started at {target.proxy.url}")


def report_providers(status: StatusReport) -> None:
    """Print the order of the providers, which of them are cooling down, and which lack a key."""
    width = max((len(provider.name) for provider in status.providers), default=0)
    for number, provider in enumerate(status.providers, 1):
        say(f"  {number}. {provider.name:<{width}}  {_state(provider)}".rstrip())
    for skipped in status.skipped:
        say(f"  skipped: {skipped.name} has no key (set {skipped.variable} in .env)")


def report_config_problems(status: StatusReport) -> None:
    """Print what is wrong with a changed configuration that the proxy does not use."""
    if status.config_problems:
        say("The changed configuration cannot be used; the one before it stays in use:")
    for problem in status.config_problems:
        say(f"  {printable(with_invocations(problem), 1000)}")


def _state(provider: ProviderStatus) -> str:
    facts = [state_in_words(provider)]
    if provider.state == "cooldown" and provider.cooldown_until is not None:
        facts = [f"cooling down until {when(provider.cooldown_until)}"]
    if why := provider.why or provider.reason:
        facts.append(f"({printable(why, 60)})")
    if steps := list(advice(provider)):
        facts += [f"- {step}" for step in steps]
    elif provider.auth == Auth.CLIENT.value:
        facts.append(f"- with {credentials.OWN_LOGIN}")
    return " ".join(facts)


def warn_of_conflicts(environ: Mapping[str, str]) -> None:
    """Print which variables in Claude Code's settings files would override this environment."""
    for text in settings_conflicts.conflicts(environ):
        say(f"warning: {text}")


def activate_terminal(shell: Shell, target: ProxyTarget) -> None:
    """Print what activates the target in this terminal, and warn of what would prevent it."""
    changes = activation.activate(os.environ, target.activation)
    report_config_problems(target.status)
    warn_of_conflicts(activation.apply_changes(os.environ, changes))
    print_statements(shell, activation.changeable(os.environ, changes))
