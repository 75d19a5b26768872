"""What a terminal's variables held before its mode was set: kept by the shell, in two variables of our own.

CLAUDE_PROXY_SAVED         exported, so that a shell, an editor or a pane started in the terminal can restore them too.
                           Claude Code and its tools see it, so of a secret it holds only that it was set.
CLAUDE_PROXY_SAVED_SHELL   not exported: the secrets, what was not exported before either, and the lists of fish.
"""

from __future__ import annotations

import base64
import enum
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

SAVED, SAVED_SHELL = "CLAUDE_PROXY_SAVED", "CLAUDE_PROXY_SAVED_SHELL"

SECRETS = frozenset({"ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_CUSTOM_HEADERS", "ANTHROPIC_API_KEY"})
ADDRESS = "ANTHROPIC_BASE_URL"
"""Holds a secret if it carries a password or a query."""


class Scope(enum.Enum):
    """Where a variable is visible."""

    EXPORTED = "exported"
    SHELL = "shell"
    """In the shell only, not in the programs that it starts."""
    UNIVERSAL = "universal"
    """In every fish of the user."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that is set, perhaps to an empty text."""

    value: str = field(repr=False)
    scope: Scope = Scope.EXPORTED
    parts: tuple[str, ...] | None = field(default=None, repr=False)
    """The elements, if it is a list of fish; `value` is what programs get of it."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """A secret that was set; only the shell that saved it knows its value."""

    scope: Scope


Saved = Mapping[str, Variable | Withheld | None]
"""The variables from before by their names; None: it was not set."""


def encode(saved: Saved) -> tuple[str, str | None]:
    """Return what the exported variable is to hold, and what the other one is to hold, if anything.

    Each is one word of plain letters, which every shell reads alike.
    """
    shell = {name: kept for name, kept in saved.items() if isinstance(kept, Variable) and _only_in_shell(name, kept)}
    exported = _word({name: _outside(name, shell[name]) if name in shell else kept for name, kept in saved.items()})
    return exported, _word(shell) if shell else None


def decode(environ: Mapping[str, str], names: Collection[str]) -> dict[str, Variable | Withheld | None]:
    """Return what is kept of the variables with these names; if it cannot be read, as if none had been set."""
    if SAVED not in environ:
        return {}
    try:
        kept = {**_entries(environ[SAVED]), **_entries(environ.get(SAVED_SHELL, ""))}
        return {name: _entry(kept[name]) for name in names if name in kept}
    except (ValueError, TypeError, LookupError, RecursionError):
        return dict.fromkeys(names)


def exposed(environ: Mapping[str, str]) -> list[str]:
    """Return the variables whose secrets programs see in the exported variable: an older version kept them there."""
    kept = decode({SAVED: environ.get(SAVED, "")}, [ADDRESS, *sorted(SECRETS)])
    return [name for name, old in kept.items() if isinstance(old, Variable) and _is_secret(name, old.value)]


def _only_in_shell(name: str, kept: Variable) -> bool:
    return kept.scope is Scope.SHELL or kept.parts is not None or _is_secret(name, kept.value)


def _is_secret(name: str, value: str) -> bool:
    return bool(value) and (name in SECRETS or (name == ADDRESS and any(mark in value for mark in "@?#")))


def _outside(name: str, kept: Variable) -> Variable | Withheld | None:
    """Return what programs may know of what the shell keeps: nothing if it was never exported."""
    if kept.scope is Scope.SHELL:
        return None
    return Withheld(kept.scope) if _is_secret(name, kept.value) else Variable(kept.value, kept.scope)


def _word(saved: Saved) -> str:
    plain = {name: _plain(kept) for name, kept in saved.items()}
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode()


def _plain(kept: Variable | Withheld | None) -> list[str | list[str]] | None:
    match kept:
        case None:
            return None
        case Withheld(scope):
            return [scope.value]
        case Variable(value, scope, parts):
            return [value, scope.value] if parts is None else [value, scope.value, [*parts]]


def _entries(word: str) -> dict[str, Any]:
    """Return what `_word` was given, as plain values. Raises if it was not made by `_word`."""
    return dict(json.loads(base64.urlsafe_b64decode(word) or b"{}"))


def _entry(plain: Any) -> Variable | Withheld | None:
    if not plain:
        return None
    if len(plain) == 1:
        return Withheld(Scope(plain[0]))
    parts = tuple(_settable(str(part)) for part in plain[2]) if len(plain) > 2 else None
    return Variable(_settable(str(plain[0])), Scope(plain[1]), parts)


def _settable(value: str) -> str:
    """Return a value that an environment can hold. Raises `ValueError`."""
    if b"\0" in value.encode("utf-8", "surrogateescape"):
        raise ValueError("an environment holds no NUL")
    return value
