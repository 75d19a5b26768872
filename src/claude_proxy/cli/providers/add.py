"""`claude-proxy providers add`: one more provider in config.json, and its key in .env."""

from __future__ import annotations

import os
from collections.abc import Mapping, Set
from dataclasses import dataclass, field

import click

from claude_proxy.cli.output.exit_codes import CommandError, Exit
from claude_proxy.cli.probing import credentials
from claude_proxy.cli.providers import key
from claude_proxy.cli.providers.config_files import ConfigFiles
from claude_proxy.cli.providers.naming import entry_of
from claude_proxy.config.assignment import assigned
from claude_proxy.config.catalogue import Entry
from claude_proxy.config.load import Configured
from claude_proxy.config.problem import Findings
from claude_proxy.config.provider_list import add_provider
from claude_proxy.config.variables import parse_variables_of, read_variables
from claude_proxy.core.text import printable
from claude_proxy.core.types import Auth
from claude_proxy.store.home import Home

SETTINGS = ("name", "base_url", "models", "auth", "api_key_env")
"""Those that an option can give, in the order in which they are written."""
NEW_CONFIG = '{\n  "providers": []\n}\n'


@click.command(
    epilog="\b\nExamples:\n  claude-proxy providers add zai\n  claude-proxy providers add zai --key-stdin < key.txt\n"
    "  claude-proxy providers add ollama --model qwen3-coder --first\n"
    "  claude-proxy providers add anthropic --auth client --first"
)
@click.argument("preset", metavar="NAME")
@click.option("--first", is_flag=True, help="Ask it before all others. Default: after them.")
@click.option("--name", metavar="NAME", help="What you call it. Default: as the catalogue does.")
@click.option("--base-url", metavar="URL", help="Its address. Default: from the catalogue.")
@click.option("--model", "models", metavar="MODEL", help="Its model for all of Claude's. Default: from the catalogue.")
@click.option("--auth", type=click.Choice([auth.value for auth in Auth]), help="How it is told who asks.")
@click.option("--api-key-env", metavar="VARIABLE", help="The variable for its key. Default: from the catalogue.")
@click.option("--key-stdin", is_flag=True, help="Read the key from standard input.")
def add(*, preset: str, first: bool, key_stdin: bool, **given: str | None) -> None:
    """Add NAME, a provider of the catalogue, to config.json, and its key to .env.

    The key is asked for, unless its variable is set already. It is never an argument: other programs on this machine
    can see those. `claude-proxy providers --all` lists the names.
    """
    entry = entry_of(preset)
    files = ConfigFiles.read(Home.find(os.environ))
    said = {setting: value for setting in SETTINGS if (value := given[setting])}
    addition = _addition(files, entry, said, first=first)
    secret = _key(addition, from_stdin=key_stdin)
    env = _env_with(files, addition.variable, secret)
    warnings = set(files.survey(addition.config, env).warnings) - _warnings_so_far(files)
    files.write(config=addition.config if addition.is_new else None, env=env if secret else None)
    _tell(files, addition, secret)
    _warn(files, addition, secret, warnings)


@dataclass(frozen=True, slots=True)
class _Addition:
    """A provider that is to be added, or is there already, and the config.json that has it."""

    entry: Entry
    one: Configured
    place: int
    count: int
    is_new: bool
    config: str = field(repr=False)

    @property
    def variable(self) -> str:
        """The variable for its key, empty where it is sent none."""
        return self.one.missing or self.one.provider.api_key_env


def _addition(files: ConfigFiles, entry: Entry, given: Mapping[str, str], *, first: bool) -> _Addition:
    name = given.get("name", entry.id)
    before = [one.provider.name.lower() for one in files.configured()]
    is_new = name.lower() not in before
    config = files.config.text or NEW_CONFIG
    if is_new:
        _require_address(entry, given)
        config = add_provider(config, {"preset": entry.id, **given}, first=first)
    after = files.survey(config).providers
    place = [one.provider.name.lower() for one in after].index(name.lower())
    addition = _Addition(entry, after[place], place, len(after), is_new, config)
    if not is_new:
        _require_nothing_else(addition, given, first=first)
    return addition


def _require_address(entry: Entry, given: Mapping[str, str]) -> None:
    """Raise `CommandError` where a part of the address is the user's to know."""
    if entry.placeholders and "base_url" not in given:
        hint = f"Give it with the rest filled in: --base-url {entry.base_url}"
        raise CommandError(f"the address of {entry.id} is not the same for everybody", code=Exit.USAGE, hint=hint)


def _require_nothing_else(there: _Addition, given: Mapping[str, str], *, first: bool) -> None:
    """Raise `CommandError` where the one that has the name is not what was asked for."""
    name = there.one.provider.name
    if there.one.entry != there.entry:
        hint = "Give this one another: --name NAME"
        raise CommandError(f"{name} is another provider's name", code=Exit.USAGE, hint=hint)
    if first or given.keys() - {"name"}:
        hint = (
            f"Change it there, or take it out first: `claude-proxy providers remove {name}`. "
            f"Its place alone: `claude-proxy providers order {name}`."
        )
        raise CommandError(f"{name} is in config.json already; nothing was changed", code=Exit.USAGE, hint=hint)


def _key(addition: _Addition, *, from_stdin: bool) -> str:
    """Return the key that the user gives, empty where none is needed now. Raises `CommandError`."""
    provider = addition.one.provider
    if from_stdin and not addition.variable:
        how = credentials.held(provider.auth.value, "")
        raise CommandError(f"{provider.name} is sent no key: {how}; nothing was changed", code=Exit.USAGE)
    if from_stdin:
        return key.from_standard_input()
    return key.asked_for(addition.entry, addition.variable) if addition.one.missing else ""


def _env_with(files: ConfigFiles, variable: str, secret: str) -> str:
    """Return the text of .env with a key in it. Raises `CommandError` where it would be read as something else."""
    before = files.env.text or ""
    if not secret:
        return before
    text = assigned(before, variable, secret)
    if parse_variables_of(text, {}, Findings()).file.get(variable) != secret:
        hint = f"Set {variable} in the environment instead."
        raise CommandError('this key cannot stand in .env, since it holds "${"', code=Exit.USAGE, hint=hint)
    return text


def _warnings_so_far(files: ConfigFiles) -> frozenset[str]:
    return frozenset(files.survey().warnings if files.configured() else ())


def _tell(files: ConfigFiles, addition: _Addition, secret: str) -> None:
    name, path = addition.one.provider.name, files.config.path
    if addition.is_new:
        click.echo(f"{name} is in {path} now, {_rank(addition)}.")
    else:
        click.echo(f"{name} is in {path} already, {_rank(addition)}; there it stays as it is.")
    click.echo(_about_key(files, addition, secret))
    if addition.is_new:
        click.echo(f"A running proxy takes it up in a moment. {_next_step(addition.one, secret)}")


def _next_step(one: Configured, secret: str) -> str:
    if one.provider.auth is Auth.CLIENT:  # the terminals that are led so far send our token in place of the login
        return "Type claude-fb anew in each terminal, or start Claude Code by: claude-proxy run -- claude"
    when = "Once it has its key, try it" if one.missing and not secret else "To try it"
    return f"{when}: claude-proxy providers test {one.provider.name}"


def _rank(addition: _Addition) -> str:
    if addition.count == 1:
        return "the only one"
    return f"in place {addition.place + 1} of {addition.count}"


def _about_key(files: ConfigFiles, addition: _Addition, secret: str) -> str:
    provider, variable = addition.one.provider, addition.variable
    if secret:
        return f"Its key is in {files.env.path}, as {variable}."
    if addition.one.missing:
        return f"Its key is missing: until {variable} is in {files.env.path}, it is passed over."
    if provider.auth is Auth.CLIENT:
        return "It is asked with Claude Code's own login."
    if provider.auth is Auth.NONE:
        return "It is asked without a key" + (f"; one in {variable} would be sent." if variable else ".")
    source = ".env" if files.holds(variable) and not os.environ.get(variable) else "the environment"
    return f"Its key is the one in {variable}, from {source}; nothing was written to .env."


def _warn(files: ConfigFiles, addition: _Addition, secret: str, warnings: Set[str]) -> None:
    variable = addition.variable
    found = [key.misfit(addition.entry, secret or addition.one.provider.api_key), *sorted(warnings)]
    if secret and os.environ.get(variable, "").strip():
        found.append(f"{variable} is set in the environment too, and wins over the one in .env")
    if secret:
        of_file = Findings()
        read_variables(files.env.path, {}, of_file)
        found += of_file.warnings
    for warning in filter(None, found):
        click.secho(f"warning: {printable(warning)}", fg="yellow", err=True)
