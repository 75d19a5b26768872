"""`claude-proxy providers key`: replaces a provider's key in .env, after a test if the user wants one."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click

from claude_proxy.cli.background import lifecycle
from claude_proxy.cli.background.admin_client import AdminClient, ControlError
from claude_proxy.cli.output.exit_codes import CommandError, Exit
from claude_proxy.cli.output.program import invocation
from claude_proxy.cli.probing.probe import Probe, probe_all
from claude_proxy.cli.providers import key_input
from claude_proxy.cli.providers.naming import index_of
from claude_proxy.cli.user_config import credentials
from claude_proxy.cli.user_config.config_files import ConfigFiles
from claude_proxy.config.load import Configured, Survey
from claude_proxy.config.pasted_key import describe
from claude_proxy.core.auth import Auth, KeySource
from claude_proxy.core.text import printable
from claude_proxy.store.home import Home


@click.command(
    epilog="\b\nExamples:\n  claude-proxy providers key zai\n  claude-proxy providers key zai --test < key.txt"
)
@click.argument("name")
@click.option("--key-stdin", is_flag=True, help="Read the key from standard input. Default, unless it is a terminal.")
@click.option(
    "--test/--no-test", "test", default=None, help="Send it with one tiny request first. Default: you are asked."
)
def key(*, name: str, key_stdin: bool, test: bool | None) -> None:
    """Replace the key of the provider NAME in .env.

    You type the new one, which is not shown, or it comes from standard input. The old key stays if the provider
    rejects the new one in the test.
    """
    files = ConfigFiles.read(Home.find(os.environ))
    before = files.survey()
    configured = before.providers[index_of(name, before.providers)]
    variable = _variable(configured)
    interactive = sys.stdin.isatty() and not key_stdin
    secret = _ask(configured, variable) if interactive else key_input.read_from_stdin()
    click.echo(f"The new key of {configured.provider.name} has {describe(secret)}.")
    for warning in filter(None, [key_input.prefix_warning(configured.entry, secret), _unchanged(configured, secret)]):
        _warn(warning)
    env = key_input.env_with_key(files.env.text or "", variable, secret)
    after = files.survey(env=env)
    if test or (test is None and interactive and click.confirm("Test it now? This costs a few tokens.", default=True)):
        _test(before, configured, files.env.path, secret)
    files.write(env=env)
    click.echo(f"It is in {files.env.path}, as {variable}. A running proxy uses it in a moment.")
    for warning in (*sorted(set(after.warnings) - set(before.warnings)), *_overrides(files.home, configured, variable)):
        _warn(warning)


def _variable(configured: Configured) -> str:
    """Return the variable whose value is to be replaced. Raises `CommandError` if the provider is sent no key."""
    provider = configured.provider
    usual = configured.entry.api_key_env if configured.entry and provider.auth is not Auth.CLIENT else ""
    variable = configured.missing or provider.api_key_env or usual
    if not variable or (provider.auth is Auth.CLIENT):
        instead = credentials.key_location(provider.auth.value, "")
        hint = 'To give it one, name its variable as "api_key_env" in config.json.'
        raise CommandError(
            f"{provider.name} is sent no key ({instead}); nothing was changed", code=Exit.USAGE, hint=hint
        )
    return variable


def _ask(configured: Configured, variable: str) -> str:
    old = configured.provider.api_key
    click.echo(f"{variable} now holds a key of {describe(old)}." if old else f"{variable} holds no key yet.", err=True)
    question = f"New key of {configured.provider.name}, for {variable} (not shown; press Enter to keep what there is)"
    if secret := key_input.prompt_for_key(question):
        return secret
    raise CommandError(hint="Nothing was changed.")  # the user's own choice is no error


def _unchanged(configured: Configured, secret: str) -> str:
    return "it is the same key as before." if secret == configured.provider.api_key else ""


def _test(survey: Survey, configured: Configured, env: Path, secret: str) -> None:
    """Send the provider one request with the new key. Raises `CommandError` if it rejects the key."""
    provider = replace(configured.provider, api_key=secret)
    if provider.auth is Auth.NONE and configured.entry:
        provider = replace(provider, auth=configured.entry.keyed_auth)
    (probe,) = asyncio.run(probe_all([provider], survey.policy, survey.egress))
    if probe.answered:
        click.echo(f"{provider.name} accepts it ({printable(probe.model)}, {probe.milliseconds:.0f} ms).")
    elif probe.key_rejected:
        what = f"{provider.name} rejected this key: {_error(probe)}"
        raise CommandError(f"{what}; nothing was changed", hint=f"{env} is as it was.")
    else:
        _warn(f"the test says nothing about the key: {provider.name} gave no answer ({_error(probe)}).")


def _error(probe: Probe) -> str:
    return f"{probe.label} {printable(probe.error)}".rstrip()


def _overrides(home: Home, configured: Configured, variable: str) -> Iterator[str]:
    """Yield why the key in .env is not the one that is used."""
    if os.environ.get(variable, "").strip():
        yield (
            f"{variable} is also set in the environment of this terminal, which overrides .env. "
            f"Unset it there, then run: {invocation('restart')}"
        )
    elif _comes_from_environment(home, configured.provider.name):
        yield (
            f"the running proxy was started with {variable} in its environment, which overrides .env. "
            f"Run: {invocation('restart')}"
        )


def _comes_from_environment(home: Home, name: str) -> bool:
    """Return whether the running proxy, if there is one, has the key from its environment."""
    try:
        if (running := lifecycle.find(home)) is None:
            return False
        status = AdminClient.of(running, lifecycle.token_of(home)).status()
    except (CommandError, ControlError):
        return False
    return any(each.name == name and each.key_source == KeySource.ENVIRONMENT.value for each in status.providers)


def _warn(text: str) -> None:
    click.secho(f"warning: {printable(text)}", fg="yellow", err=True)
