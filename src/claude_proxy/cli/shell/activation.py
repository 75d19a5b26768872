"""The variables that send a terminal's Claude Code through the proxy, and how to restore them: values in, values out.

    before ──activate──► active ──activate──► active, another provider ──deactivate──► before

The values from before are kept in a variable of our own, `CLAUDE_PROXY_SAVED`. It is exported, so that a shell, an
editor or a pane started in the terminal can restore them too; all that it holds was exported before. Values that were
not exported are kept in `CLAUDE_PROXY_SAVED_SHELL`, which is not exported either.
"""

from __future__ import annotations

import base64
import enum
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from claude_proxy.cli.claude_code import custom_headers
from claude_proxy.core.client_requirements import ClientRequirements

SAVED, SAVED_SHELL = "CLAUDE_PROXY_SAVED", "CLAUDE_PROXY_SAVED_SHELL"
UNEXPORTED = "CLAUDE_PROXY_UNEXPORTED"
"""Names, separated by spaces, of variables that the shell has not exported; its function exports them for us only."""
UNIVERSAL = "CLAUDE_PROXY_UNIVERSAL"
"""Names of fish's universal variables, which all terminals share: we hide them in this one, and do not change them."""

BASE_URL, TOKEN = "ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN"
HEADERS = "ANTHROPIC_CUSTOM_HEADERS"
"""Carries our token if a provider in use needs Claude Code's own login, which `TOKEN` would replace."""
TIMEOUT, WINDOW, TOOL_SEARCH = "API_TIMEOUT_MS", "CLAUDE_CODE_AUTO_COMPACT_WINDOW", "ENABLE_TOOL_SEARCH"
DISCOVERY = "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY"
"""With it, `/model` in Claude Code lists every provider's models."""

BYPASS_VARIABLES = ("ANTHROPIC_API_KEY", "CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY")
"""Unset: with an API key Claude Code asks which login to use, and with the others it ignores the base URL."""
MODELS = (
    "ANTHROPIC_MODEL",
    "ANTHROPIC_SMALL_FAST_MODEL",
    "ANTHROPIC_DEFAULT_OPUS_MODEL",
    "ANTHROPIC_DEFAULT_SONNET_MODEL",
    "ANTHROPIC_DEFAULT_HAIKU_MODEL",
    "ANTHROPIC_DEFAULT_FABLE_MODEL",
    "CLAUDE_CODE_SUBAGENT_MODEL",
)
"""Unset if they name a model that not every provider in use has, as after a setup for one provider."""

PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
NO_PROXY_NAMES = ("NO_PROXY",) if sys.platform == "win32" else ("NO_PROXY", "no_proxy")
"""On Windows both spellings are one variable: restoring one and unsetting the other would lose it."""

MANAGED = (
    BASE_URL,
    TOKEN,
    HEADERS,
    TIMEOUT,
    WINDOW,
    TOOL_SEARCH,
    DISCOVERY,
    *NO_PROXY_NAMES,
    *BYPASS_VARIABLES,
    *MODELS,
)
"""Every variable that we ever set or unset."""
KNOWN = (*MANAGED, SAVED, SAVED_SHELL)
"""Every variable that a shell's function has to export to the program."""


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


@dataclass(frozen=True, slots=True)
class Change:
    """One step: `name` becomes `variable`; None unsets it, and `hide` also hides a universal one of that name."""

    name: str
    variable: Variable | None
    hide: bool = False


@dataclass(frozen=True, slots=True)
class Activation:
    """What to activate: the proxy's address, host and token, the pinned provider if any, what providers need."""

    url: str
    host: str
    token: str = field(repr=False)
    pin: str | None
    requirements: ClientRequirements


_Terminal = Mapping[str, Variable | None]


def activate(environ: Mapping[str, str], to: Activation) -> tuple[Change, ...]:
    """Return the steps that send a terminal with this environment through the proxy, whatever its mode is now."""
    saved = _saved(environ)
    before = {**_terminal(environ), **saved}
    wanted = _wanted({name: variable.value for name, variable in before.items() if variable}, environ, to)
    restored = tuple(Change(name, variable) for name, variable in saved.items() if name not in wanted)
    new = tuple(
        Change(name, None, hide=True) if value is None else Change(name, Variable(value))
        for name, value in wanted.items()
    )
    return (*restored, *new, *_keep({name: before.get(name) for name in wanted}, environ))


def deactivate(environ: Mapping[str, str]) -> tuple[Change, ...]:
    """Return the steps that restore everything from before the first `activate`; none if there was none."""
    if SAVED not in environ:
        return ()
    ours = (Change(name, None) for name in (SAVED, SAVED_SHELL) if name in environ)
    return (*(Change(name, variable) for name, variable in _saved(environ).items()), *ours)


def apply_changes(environ: Mapping[str, str], changes: tuple[Change, ...]) -> dict[str, str]:
    """Return the environment of a program that is started after these steps."""
    changed = dict(environ)
    for change in changes:
        changed.pop(change.name, None)
        if change.variable is not None and change.variable.scope is not Scope.SHELL:
            changed[change.name] = change.variable.value
    return changed


def original_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment as it would be without us: the proxy itself may need a key that was unset."""
    original = apply_changes(environ, deactivate(environ))
    for name in (*environ.get(UNEXPORTED, "").split(), UNEXPORTED, UNIVERSAL, SAVED_SHELL):
        original.pop(name, None)
    return original


def _terminal(environ: Mapping[str, str]) -> dict[str, Variable]:
    scopes = dict.fromkeys(environ.get(UNEXPORTED, "").split(), Scope.SHELL)
    scopes |= dict.fromkeys(environ.get(UNIVERSAL, "").split(), Scope.UNIVERSAL)
    return {name: Variable(environ[name], scopes.get(name, Scope.EXPORTED)) for name in MANAGED if name in environ}


def _wanted(before: Mapping[str, str], environ: Mapping[str, str], to: Activation) -> dict[str, str | None]:
    """Return the value that each variable is to have; None: unset."""
    wanted: dict[str, str | None] = dict.fromkeys(BYPASS_VARIABLES)
    wanted |= {name: None for name in MODELS if name in before and not to.requirements.has_model(before[name])}
    wanted[BASE_URL] = to.url + (f"/provider/{to.pin}" if to.pin else "")
    wanted |= _token_variables(before, to)
    wanted[DISCOVERY] = "1"
    if to.requirements.timeout_ms:
        wanted[TIMEOUT] = str(max(to.requirements.timeout_ms, _number(before.get(TIMEOUT), 0)))
    if to.requirements.window:
        wanted[WINDOW] = str(min(to.requirements.window, _number(before.get(WINDOW), to.requirements.window)))
    if not to.requirements.tool_search:
        wanted[TOOL_SEARCH] = "false"
    if any(environ.get(name) for name in PROXY_VARIABLES):  # a company's proxy is not the way to our own machine
        listed = next((before[name] for name in NO_PROXY_NAMES if before.get(name)), None)
        wanted |= dict.fromkeys(NO_PROXY_NAMES, ",".join(filter(None, [listed, to.host])))
    return wanted


def _token_variables(before: Mapping[str, str], to: Activation) -> dict[str, str | None]:
    """Return the variables that carry our token; they leave Claude Code's own login in place if it is needed."""
    headers = before.get(HEADERS, "")
    if to.requirements.own_login:
        return {TOKEN: None, HEADERS: custom_headers.with_token(headers, to.token)}
    if custom_headers.token_in(headers) is None:
        return {TOKEN: to.token}
    return {TOKEN: to.token, HEADERS: custom_headers.without_token(headers) or None}


def _number(text: str | None, default: int) -> int:
    """Return the user's value if it is a number."""
    return int(text) if text and len(text) < 10 and text.isascii() and text.isdecimal() else default


def _keep(before: _Terminal, environ: Mapping[str, str]) -> tuple[Change, ...]:
    shell = {name: variable for name, variable in before.items() if variable and variable.scope is Scope.SHELL}
    kept = Change(SAVED, Variable(_encode({**before, **dict.fromkeys(shell)})))
    if shell:
        return kept, Change(SAVED_SHELL, Variable(_encode(shell), Scope.SHELL))
    return (kept, Change(SAVED_SHELL, None)) if SAVED_SHELL in environ else (kept,)


def _encode(saved: _Terminal) -> str:
    """Return the values from before as one word of plain letters, which every shell reads alike."""
    plain = {name: [kept.value, kept.scope.value] if kept else None for name, kept in saved.items()}
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode()


def _saved(environ: Mapping[str, str]) -> dict[str, Variable | None]:
    """Return the values from before; if they cannot be read any more, as if none had been set."""
    if SAVED not in environ:
        return {}
    try:
        return {**_decode(environ[SAVED]), **_decode(environ.get(SAVED_SHELL, ""))}
    except (ValueError, TypeError, LookupError, RecursionError):
        return dict.fromkeys(MANAGED)


def _decode(word: str) -> dict[str, Variable | None]:
    """Return what `_encode` was given, without names that we do not manage. Raises if it was not made by `_encode`."""
    plain = json.loads(base64.urlsafe_b64decode(word) or b"{}")
    return {
        name: Variable(_settable(str(plain[name][0])), Scope(plain[name][1])) if plain[name] else None
        for name in MANAGED
        if name in plain
    }


def _settable(value: str) -> str:
    """Return a value that an environment can hold. Raises `ValueError`."""
    if b"\0" in value.encode("utf-8", "surrogateescape"):
        raise ValueError("an environment holds no NUL")
    return value
