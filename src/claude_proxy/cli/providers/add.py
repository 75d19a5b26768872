"""`claude-proxy providers add`: adds a provider to config.json, and its key to .env."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Set
from dataclasses import dataclass, field

import click

from claude_proxy.cli.output.exit_codes import CommandError, Exit
from claude_proxy.cli.output.program import invocation
from claude_proxy.cli.providers import key_input
from claude_proxy.cli.providers.choosing import choose
from claude_proxy.cli.user_config import credentials
from claude_proxy.cli.user_config.config_files import ConfigFiles
from claude_proxy.config.catalogue import Entry
from claude_proxy.config.load import Configured
from claude_proxy.config.pasted_key import describe
from claude_proxy.config.problem import Findings
from claude_proxy.config.provider_list import add_provider
from claude_proxy.config.variables import read_variables
from claude_proxy.core.auth import Auth
from claude_proxy.core.messages import MESSAGES_PATH
from claude_proxy.core.text import printable
from claude_proxy.store.home import Home

SETTINGS = ("name", "base_url", "models", "auth", "api_key_env")
"""The settings that an option can give, in the order in which they are written."""
NEW_CONFIG = '{\n  "providers": []\n}\n'


@click.command(
    epilog="\b\nExamples:\n  claude-proxy providers add zai\n  claude-proxy providers add zai --key-stdin < key.txt\n"
    "  claude-proxy providers add ollama --model qwen3-coder --first\n"
    "  claude-proxy providers add https://llm.example.com/anthropic --model big-1\n"
    "  claude-proxy providers add anthropic --auth client --first"
)
@click.argument("wanted", metavar="NAME|URL")
@click.option("--first", is_flag=True, help="Use it before all others. Default: after them.")
@click.option(
    "--name", metavar="NAME", help="Your name for it. Default: its name in the catalogue, or from its address."
)
@click.option("--base-url", metavar="URL", help="Its address. Default: from the catalogue.")
@click.option("--model", "models", metavar="MODEL", help="Its model for all of Claude's. Default: from the catalogue.")
@click.option("--auth", type=click.Choice([auth.value for auth in Auth]), help="How it authenticates you.")
@click.option("--api-key-env", metavar="VARIABLE", help="The variable for its key. Default: from the catalogue.")
@click.option("--key-stdin", is_flag=True, help="Read the key from standard input.")
def add(*, wanted: str, first: bool, key_stdin: bool, **given: str | None) -> None:
    """Add a provider to config.json, and its key to .env.

    NAME is one of the catalogue, in any spelling, or what people call it, such as kimi or glm; `claude-proxy providers
    --all` lists the names. For a provider that is not in the catalogue, give its URL. You are asked for the key, unless
    its variable is already set. It is never an argument, since other programs on this machine can see arguments.
    """
    files = ConfigFiles.read(Home.find(os.environ))
    options = {setting: value for setting in SETTINGS if (value := given[setting])}
    entry, options = choose(wanted, options, files.configured(), with_key=key_stdin)
    addition = _addition(files, entry, options, first=first)
    secret = _key(addition, from_stdin=key_stdin)
    env = key_input.env_with_key(files.env.text or "", addition.variable, secret) if secret else files.env.text or ""
    warnings = set(files.survey(addition.config, env).warnings) - _existing_warnings(files)
    files.write(config=addition.config if addition.is_new else None, env=env if secret else None)
    _report(files, addition, secret)
    _warn(files, addition, secret, warnings)


@dataclass(frozen=True, slots=True)
class _Addition:
    """A provider to add, or one that is already configured, and the config.json with it."""

    entry: Entry | None
    """Its entry in the catalogue; None if it has none."""
    provider: Configured
    place: int
    count: int
    is_new: bool
    config: str = field(repr=False)

    @property
    def variable(self) -> str:
        """The variable for its key, empty if it is sent none."""
        return self.provider.missing or self.provider.provider.api_key_env


def _addition(files: ConfigFiles, entry: Entry | None, given: Mapping[str, str], *, first: bool) -> _Addition:
    name = given.get("name") or (entry.id if entry else "")
    before = [configured.provider.name.lower() for configured in files.configured()]
    is_new = name.lower() not in before
    config = files.config.text or NEW_CONFIG
    if is_new:
        _require_address(entry, given)
        preset = {"preset": entry.id} if entry else {}
        config = add_provider(config, {**preset, **given}, first=first)
    after = files.survey(config).providers
    place = [configured.provider.name.lower() for configured in after].index(name.lower())
    addition = _Addition(entry, after[place], place, len(after), is_new, config)
    if not is_new:
        _require_nothing_else(addition, given, first=first)
    return addition


def _require_address(entry: Entry | None, given: Mapping[str, str]) -> None:
    """Raise `CommandError` if only the user knows a part of the address."""
    if entry and entry.placeholders and "base_url" not in given:
        hint = f"Give it with the placeholders filled in: --base-url {entry.base_url}"
        raise CommandError(f"the address of {entry.id} contains parts of your own", code=Exit.USAGE, hint=hint)


def _require_nothing_else(existing: _Addition, given: Mapping[str, str], *, first: bool) -> None:
    """Raise `CommandError` if the provider with this name is not the one to add."""
    name = existing.provider.provider.name
    if existing.provider.entry != existing.entry:
        hint = "Give the new one another name: --name NAME"
        raise CommandError(f"{name} is the name of another provider", code=Exit.USAGE, hint=hint)
    if first or given.keys() - {"name"}:
        hint = (
            f"Change it there, or remove it first: `{invocation(f'providers remove {name}')}`. "
            f"`{invocation(f'providers order {name}')}` changes its place."
        )
        raise CommandError(f"{name} is already in config.json; nothing was changed", code=Exit.USAGE, hint=hint)


def _key(addition: _Addition, *, from_stdin: bool) -> str:
    """Return the key that the user gives, empty if none is needed now. Raises `CommandError`."""
    provider = addition.provider.provider
    if from_stdin and not addition.variable:
        instead = credentials.key_location(provider.auth.value, "")
        raise CommandError(f"{provider.name} is sent no key ({instead}); nothing was changed", code=Exit.USAGE)
    if from_stdin:
        return key_input.read_from_stdin()
    return _ask_for_key(addition) if addition.provider.missing else ""


def _ask_for_key(addition: _Addition) -> str:
    name, variable = addition.provider.provider.name, addition.variable
    if not sys.stdin.isatty():
        command = invocation(f"providers add {addition.entry.id if addition.entry else 'URL'} --key-stdin < FILE")
        hint = f"Set {variable}, or read the key from a file: `{command}`."
        raise CommandError("cannot ask for the key: standard input is no terminal", code=Exit.USAGE, hint=hint)
    title = addition.entry.name if addition.entry else name
    return key_input.prompt_for_key(f"Key of {title}, for {variable} (not shown; press Enter to add it later)")


def _existing_warnings(files: ConfigFiles) -> frozenset[str]:
    return frozenset(files.survey().warnings if files.configured() else ())


def _report(files: ConfigFiles, addition: _Addition, secret: str) -> None:
    name, path = addition.provider.provider.name, files.config.path
    if addition.is_new:
        click.echo(f"Added {name} ({_rank(addition)}).")
        if addition.entry is None:
            click.echo(f"It is sent POST {addition.provider.provider.base_url}{MESSAGES_PATH}.")
    else:
        click.echo(f"{name} is already in {path} ({_rank(addition)}); it was not changed.")
    click.echo(_about_key(files, addition, secret))
    if addition.is_new:
        click.echo(f"A running proxy uses it in a moment. {_next_step(addition.provider, secret)}")
        click.echo("If conversations hold many images, raise max_body_mb in config.json, such as to 32.")


def _next_step(added_provider: Configured, secret: str) -> str:
    if added_provider.provider.auth is Auth.CLIENT:  # terminals in use until now send our token instead of the login
        return f"Type claude-fb again in each terminal, or start Claude Code with: {invocation('run -- claude')}"
    when = "When it has its key, test it" if added_provider.missing and not secret else "To test it"
    return f"{when}: {invocation(f'providers test {added_provider.provider.name}')}"


def _rank(addition: _Addition) -> str:
    if addition.count == 1:
        return "your only provider"
    return f"number {addition.place + 1} of your {addition.count} providers"


def _about_key(files: ConfigFiles, addition: _Addition, secret: str) -> str:
    provider, variable = addition.provider.provider, addition.variable
    if secret:
        return f"Its key ({describe(secret)}) is in {files.env.path}, as {variable}."
    if addition.provider.missing:
        return f"Its key is missing: the proxy skips it until {variable} is in {files.env.path}."
    if provider.auth is Auth.CLIENT:
        return "It uses Claude Code's own login."
    if provider.auth is Auth.NONE:
        return "It needs no key" + (f"; if {variable} is set, its value is sent." if variable else ".")
    source = ".env" if files.holds(variable) and not os.environ.get(variable) else "the environment"
    return f"Its key is in {variable} (from {source}); .env was not changed."


def _warn(files: ConfigFiles, addition: _Addition, secret: str, warnings: Set[str]) -> None:
    variable = addition.variable
    texts = [key_input.prefix_warning(addition.entry, secret or addition.provider.provider.api_key), *sorted(warnings)]
    if secret and os.environ.get(variable, "").strip():
        texts.append(f"{variable} is also set in the environment, which overrides .env")
    if secret:
        file_findings = Findings()
        read_variables(files.env.path, {}, file_findings)
        texts += file_findings.warnings
    for warning in filter(None, texts):
        click.secho(f"warning: {printable(warning)}", fg="yellow", err=True)
