"""A provider's key from the user: typed without an echo, or on standard input; never an argument, never shown."""

from __future__ import annotations

import sys

import click

from claude_proxy.cli.output.exit_codes import CommandError, Exit
from claude_proxy.config.assignment import assigned
from claude_proxy.config.catalogue import Entry
from claude_proxy.config.pasted_key import MAX_KEY, InvalidKey, read_key
from claude_proxy.config.problem import Findings
from claude_proxy.config.variables import parse_variables_of


def read_from_stdin() -> str:
    """Return the key on standard input. Raises `CommandError` if it is no key."""
    text = sys.stdin.buffer.read(4 * MAX_KEY + 1).decode("utf-8-sig", "replace")
    if not text.strip():
        raise CommandError("there is no key on standard input", code=Exit.USAGE)
    return _read(text)


def prompt_for_key(question: str) -> str:
    """Return the key that the user types, empty if there is none. Raises `CommandError` if it is no key."""
    typed: str = click.prompt(question, default="", show_default=False, hide_input=True, err=True)
    return _read(typed) if typed.strip() else ""


def prefix_warning(entry: Entry | None, key: str) -> str:
    """Return a warning about a key with an unusual beginning, without showing it; empty if it looks right."""
    if entry is None or not key or key.startswith(entry.api_key_prefix):
        return ""
    usual = f"the key does not begin with {entry.api_key_prefix}, as keys of {entry.name} do"
    return f"{usual}. Check that it is the right one."


def env_with_key(before: str, variable: str, key: str) -> str:
    """Return the text of .env with a key in it. Raises `CommandError` if it would be read as something else."""
    text = assigned(before, variable, key)
    if parse_variables_of(text, {}, Findings()).file.get(variable) != key:
        hint = f"Set {variable} in the environment instead."
        raise CommandError('this key cannot be written to .env, since it contains "${"', code=Exit.USAGE, hint=hint)
    return text


def _read(text: str) -> str:
    found = read_key(text)
    if isinstance(found, InvalidKey):
        raise CommandError(f"this {found.what}; nothing was changed", code=Exit.USAGE, hint=found.fix)
    if found.note:
        click.echo(found.note, err=True)
    return found.key
