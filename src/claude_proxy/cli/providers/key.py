"""A provider's key from the user: typed without an echo, or on standard input; never an argument, never shown."""

from __future__ import annotations

import re
import sys

import click

from claude_proxy.cli.output.exit_codes import CommandError, Exit
from claude_proxy.config.catalogue import Entry

MAX_KEY = 8192
"""Characters; a signed token has a few thousand."""
_KEY = re.compile(r"[!-~]+")


def from_standard_input() -> str:
    """Return the key that standard input holds. Raises `CommandError` where it is none."""
    text = sys.stdin.buffer.read(MAX_KEY + 1).decode("utf-8-sig", "replace").strip()
    if not text:
        raise CommandError("standard input holds no key", code=Exit.USAGE)
    return _checked(text)


def asked_for(entry: Entry, variable: str) -> str:
    """Return the key that the user types, empty where it is to follow later. Raises `CommandError`."""
    if not sys.stdin.isatty():
        hint = f"Set {variable}, or hand the key over: `claude-proxy providers add {entry.id} --key-stdin < FILE`."
        raise CommandError("there is no terminal to ask for the key on", code=Exit.USAGE, hint=hint)
    question = f"Key of {entry.name}, for {variable} (not shown; Enter: later)"
    typed: str = click.prompt(question, default="", show_default=False, hide_input=True, err=True)
    return _checked(typed.strip()) if typed.strip() else ""


def misfit(entry: Entry, key: str) -> str:
    """Return what is odd about a key, without showing it; empty where nothing is."""
    prefix = entry.api_key_prefix
    if not key or key.startswith(prefix):
        return ""
    return f"the key does not begin with {prefix}, as those of {entry.name} do: is it another one's?"


def _checked(key: str) -> str:
    if len(key) > MAX_KEY or _KEY.fullmatch(key) is None:
        what = "this is no key: it has a space, a line break, or a character that is not ASCII, or it is too long"
        raise CommandError(what, code=Exit.USAGE, hint="Copy the key again, without what stands around it.")
    return key
