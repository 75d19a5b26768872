"""Which provider `providers add` adds: one of the catalogue by its name, or any by its address."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

import click

from claude_proxy.cli.output.exit_codes import CommandError, Exit
from claude_proxy.cli.providers.naming import find_presets, preset_named
from claude_proxy.cli.providers.own_address import (
    OwnAddress,
    key_variable,
    looks_like_address,
    read_address,
    unused_name,
)
from claude_proxy.config.catalogue import Entry
from claude_proxy.config.load import Configured
from claude_proxy.core.auth import Auth
from claude_proxy.core.text import printable

Options = dict[str, str]
"""Settings of a provider, by their names in config.json."""


def choose(
    wanted: str, given: Mapping[str, str], configured: Sequence[Configured], *, with_key: bool
) -> tuple[Entry | None, Options]:
    """Return the entry of the catalogue that is meant, if there is one, and the settings to write.

    Says which provider is meant if the user calls it by another name. Raises `CommandError`.
    """
    presets = find_presets(wanted)
    if presets or not (looks_like_address(wanted) or "base_url" in given):
        return _preset(wanted, given)
    if "base_url" in given and looks_like_address(wanted):
        raise CommandError("the address is given twice, as URL and as --base-url", code=Exit.USAGE)
    address = read_address(given.get("base_url", wanted))
    name = given.get("name") or ("" if looks_like_address(wanted) else wanted)
    if address.entry:
        return _known_address(address, address.entry, {**given, **({"name": name} if name else {})})
    return None, _own(address, given, name, configured, with_key=with_key)


def _preset(wanted: str, given: Mapping[str, str]) -> tuple[Entry, Options]:
    entry, others = preset_named(wanted)
    if entry.id != wanted:
        also = f" If you mean another one: {', '.join(other.id for other in others)}." if others else ""
        click.echo(f'"{printable(wanted, 64)}" is {entry.id}: {entry.name}.{also}')
    return entry, dict(given)


def _known_address(address: OwnAddress, entry: Entry, given: Options) -> tuple[Entry, Options]:
    click.echo(f"This is the address of {entry.id} in the catalogue: {entry.name}.")
    base_url = {} if str(address.address) == entry.base_url else {"base_url": str(address.address)}
    return entry, {**_without(given, "base_url"), **base_url}


def _own(
    address: OwnAddress, given: Mapping[str, str], name: str, configured: Sequence[Configured], *, with_key: bool
) -> Options:
    """Return the settings of a provider that the catalogue does not have, completed and asked for where possible."""
    base_url = str(address.address)
    same = [each.provider.name for each in configured if each.provider.base_url == base_url]
    if same and not name:
        return {**_without(given, "base_url"), "name": same[0]}
    name = name or unused_name(address.name, {each.provider.name.lower() for each in configured})
    options = {"name": name, "base_url": base_url}
    if models := given.get("models") or _ask_for_model():
        options["models"] = models
    if "auth" in given:
        options["auth"] = given["auth"]
    elif address.on_this_machine and not with_key and "api_key_env" not in given:
        options["auth"] = Auth.NONE.value
    if options.get("auth") not in {Auth.NONE.value, Auth.CLIENT.value} or "api_key_env" in given:
        options["api_key_env"] = given.get("api_key_env") or key_variable(name)
    return options


def _ask_for_model() -> str:
    if not sys.stdin.isatty():
        return ""
    question = "Its model for all of Claude's (press Enter to send it Claude's own names)"
    typed: str = click.prompt(question, default="", show_default=False, err=True)
    return typed.strip()


def _without(options: Mapping[str, str], name: str) -> Options:
    return {key: value for key, value in options.items() if key != name}
