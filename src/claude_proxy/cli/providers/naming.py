"""A name on the command line, and the provider that is meant by it."""

from __future__ import annotations

from collections.abc import Sequence

from claude_proxy.cli.output.exit_codes import CommandError, Exit
from claude_proxy.cli.probing.credentials import NOT_TRIED
from claude_proxy.cli.providers.config_files import ConfigFiles
from claude_proxy.config.catalogue import Entry, catalogue
from claude_proxy.config.load import Configured, Survey
from claude_proxy.config.problem import nearest
from claude_proxy.core.text import printable
from claude_proxy.core.types import Auth

_LIST_THEM = "`claude-proxy providers --all` lists those that the catalogue knows."


def place_of(name: str, providers: Sequence[Configured]) -> int:
    """Return at which place of the list a configured provider stands. Raises `CommandError`."""
    names = [one.provider.name for one in providers]
    if name in names:
        return names.index(name)
    raise unknown(name, names, "is not configured", f"The configured ones are {', '.join(names)}.")


def ready(files: ConfigFiles, found: Survey, name: str) -> Configured:
    """Return a configured provider that can be asked with a key of its own, or without one. Raises `CommandError`."""
    one = found.providers[place_of(name, found.providers)]
    if one.missing:
        hint = f"Write {one.missing}=<key> into {files.env.path}."
        raise CommandError(f"{name} lacks its key: {one.missing} is not set", code=Exit.USAGE, hint=hint)
    if one.provider.auth is Auth.CLIENT:
        raise CommandError(f"{name} can't be asked here: {NOT_TRIED}", code=Exit.USAGE)
    return one


def entry_of(preset: str) -> Entry:
    """Return the entry of the catalogue that has a name. Raises `CommandError`."""
    if entry := catalogue().by_id(preset):
        return entry
    raise unknown(preset, catalogue().ids, "is not in the catalogue")


def unknown(name: str, known: Sequence[str], what: str, otherwise: str = _LIST_THEM) -> CommandError:
    """Return the error for a name that is none of those known, with the one that was most likely meant."""
    near = nearest(name, tuple(known))
    hint = f'Did you mean "{near}"?' if near else otherwise
    return CommandError(f'"{printable(name, 64)}" {what}', code=Exit.USAGE, hint=hint)
