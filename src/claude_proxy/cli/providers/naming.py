"""A name on the command line, and the provider of that name."""

from __future__ import annotations

from collections.abc import Sequence

from claude_proxy.cli.output.exit_codes import CommandError, Exit
from claude_proxy.cli.output.program import invocation
from claude_proxy.cli.user_config.config_files import ConfigFiles
from claude_proxy.cli.user_config.credentials import NO_KEY_TO_TEST
from claude_proxy.config.catalogue import Entry, catalogue
from claude_proxy.config.load import Configured, Survey
from claude_proxy.config.problem import nearest
from claude_proxy.core.auth import Auth
from claude_proxy.core.text import printable


def index_of(name: str, providers: Sequence[Configured]) -> int:
    """Return the index of a configured provider. Raises `CommandError`."""
    names = [configured.provider.name for configured in providers]
    if name in names:
        return names.index(name)
    raise unknown_name(name, names, "is not configured", f"The configured providers are {', '.join(names)}.")


def testable_provider(files: ConfigFiles, survey: Survey, name: str) -> Configured:
    """Return a configured provider that a command can send requests to. Raises `CommandError`."""
    configured = survey.providers[index_of(name, survey.providers)]
    if configured.missing:
        hint = f"Write {configured.missing}=<key> into {files.env.path}."
        raise CommandError(f"{name} has no key: {configured.missing} is not set", code=Exit.USAGE, hint=hint)
    if configured.provider.auth is Auth.CLIENT:
        raise CommandError(f"{name} can't be tested here: {NO_KEY_TO_TEST}", code=Exit.USAGE)
    return configured


def preset_named(preset: str) -> Entry:
    """Return the entry of the catalogue with this name. Raises `CommandError`."""
    if entry := catalogue().by_id(preset):
        return entry
    raise unknown_name(preset, catalogue().ids, "is not in the catalogue")


def unknown_name(name: str, known: Sequence[str], what: str, otherwise: str = "") -> CommandError:
    """Return the error for a name that is not known, with the known name that is most like it."""
    near = nearest(name, tuple(known))
    names = f"`{invocation('providers --all')}` lists the names in the catalogue."
    hint = f'Did you mean "{near}"?' if near else otherwise or names
    return CommandError(f'"{printable(name, 64)}" {what}', code=Exit.USAGE, hint=hint)
