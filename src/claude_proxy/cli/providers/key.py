"""A provider's key from the user: typed without an echo, or on standard input; never an argument, never shown."""

from __future__ import annotations

import re
import sys

import click

from claude_proxy.cli.output.exit_codes import CommandError, Exit
from claude_proxy.cli.output.program import invocation
from claude_proxy.config.catalogue import Entry

MAX_KEY = 8192
"""Characters; a signed token has a few thousand."""
_KEY = re.compile(r"[!-~]+")


def read_from_stdin() -> str:
    """Return the key on standard input. Raises `CommandError` if it is no key."""
    text = sys.stdin.buffer.read(MAX_KEY + 1).decode("utf-8-sig", "replace").strip()
    if not text:
        raise CommandError("there is no key on standard input", code=Exit.USAGE)
    return _validated(text)


def prompt_for_key(entry: Entry, variable: str) -> str:
    """Return the key that the user types, empty if it comes later. Raises `CommandError`."""
    if not sys.stdin.isatty():
        command = invocation(f"providers add {entry.id} --key-stdin < FILE")
        hint = f"Set {variable}, or read the key from a file: `{command}`."
        raise CommandError("cannot ask for the key: standard input is no terminal", code=Exit.USAGE, hint=hint)
    question = f"Key of {entry.name}, for {variable} (not shown; press Enter to add it later)"
    typed: str = click.prompt(question, default="", show_default=False, hide_input=True, err=True)
    return _validated(typed.strip()) if typed.strip() else ""


def prefix_warning(entry: Entry, key: str) -> str:
    """Return a warning about a key with an unusual beginning, without showing it; empty if it looks right."""
    prefix = entry.api_key_prefix
    if not key or key.startswith(prefix):
        return ""
    return f"the key does not begin with {prefix}, as keys of {entry.name} do. Check that it is the right one."


def _validated(key: str) -> str:
    if len(key) > MAX_KEY or _KEY.fullmatch(key) is None:
        what = "this is no key: it contains a space, a line break or a character that is not ASCII, or it is too long"
        raise CommandError(what, code=Exit.USAGE, hint="Copy the key again, without anything around it.")
    return key
