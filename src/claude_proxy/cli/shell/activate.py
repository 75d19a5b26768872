"""The variables that lead the Claude Code of a terminal through the proxy, and the way back: values in, values out.

    before ──lead──► led ──lead──► led elsewhere ──take_back──► before

What stood in the variables before is kept in one of our own, `CLAUDE_PROXY_SAVED`. It is exported, so that a shell
started in the terminal, an editor or a new pane can go back as well; all that it holds was exported before. What was
not, is kept in `CLAUDE_PROXY_SAVED_SHELL`, which is not exported either.
"""

from __future__ import annotations

import base64
import enum
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from claude_proxy.cli.claude_code import custom_headers
from claude_proxy.cli.shell.client_requirements import ClientRequirements

SAVED, SAVED_SHELL = "CLAUDE_PROXY_SAVED", "CLAUDE_PROXY_SAVED_SHELL"
UNEXPORTED = "CLAUDE_PROXY_UNEXPORTED"
"""Names, apart by spaces, of variables that the shell itself has not exported: its function did so for us alone."""
UNIVERSAL = "CLAUDE_PROXY_UNIVERSAL"
"""Names of those that fish keeps for all terminals: they can be hidden in this one, but not changed."""

BASE_URL, TOKEN = "ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN"
HEADERS = "ANTHROPIC_CUSTOM_HEADERS"
"""Takes our token where a provider in play needs Claude Code's own login: `TOKEN` would stand in place of that."""
TIMEOUT, WINDOW, TOOL_SEARCH = "API_TIMEOUT_MS", "CLAUDE_CODE_AUTO_COMPACT_WINDOW", "ENABLE_TOOL_SEARCH"
DISCOVERY = "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY"
"""With it, `/model` in Claude Code lists every provider's models."""

LEADS_ELSEWHERE = ("ANTHROPIC_API_KEY", "CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY")
"""Put aside: beside a key of its own Claude Code asks which to use, the others make it pass by the base URL."""
MODELS = (
    "ANTHROPIC_MODEL",
    "ANTHROPIC_SMALL_FAST_MODEL",
    "ANTHROPIC_DEFAULT_OPUS_MODEL",
    "ANTHROPIC_DEFAULT_SONNET_MODEL",
    "ANTHROPIC_DEFAULT_HAIKU_MODEL",
    "ANTHROPIC_DEFAULT_FABLE_MODEL",
    "CLAUDE_CODE_SUBAGENT_MODEL",
)
"""Put aside where they name a model that not every provider in play has: left from a set-up for one provider."""

PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
PAST_PROXIES = ("NO_PROXY",) if sys.platform == "win32" else ("NO_PROXY", "no_proxy")
"""On Windows both spellings are one variable: to restore the one and unset the other would lose it."""

MANAGED = (BASE_URL, TOKEN, HEADERS, TIMEOUT, WINDOW, TOOL_SEARCH, DISCOVERY, *PAST_PROXIES, *LEADS_ELSEWHERE, *MODELS)
"""Every variable that is ever set or put aside."""
KNOWN = (*MANAGED, SAVED, SAVED_SHELL)
"""Every variable that a shell's function has to show to the program."""


class Scope(enum.Enum):
    """Who sees a variable."""

    EXPORTED = "exported"
    SHELL = "shell"
    """The shell alone, and not the programs that it starts."""
    UNIVERSAL = "universal"
    """Every fish of the user."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that is set, to an empty text perhaps."""

    value: str = field(repr=False)
    scope: Scope = Scope.EXPORTED


@dataclass(frozen=True, slots=True)
class Change:
    """One step: `name` becomes `variable`; None: it is unset, and with `hide` a universal one must not show again."""

    name: str
    variable: Variable | None
    hide: bool = False


@dataclass(frozen=True, slots=True)
class Activation:
    """Where to: the proxy's address and host, its token, the one provider that is pinned, what those in play need."""

    url: str
    host: str
    token: str = field(repr=False)
    pin: str | None
    needs: ClientRequirements


_Terminal = Mapping[str, Variable | None]


def lead(environ: Mapping[str, str], to: Activation) -> tuple[Change, ...]:
    """Return the steps that lead a terminal with this environment through the proxy, wherever it is led now."""
    saved = _saved(environ)
    before = {**_terminal(environ), **saved}
    wanted = _wanted({name: one.value for name, one in before.items() if one}, environ, to)
    back = tuple(Change(name, variable) for name, variable in saved.items() if name not in wanted)
    there = tuple(
        Change(name, None, hide=True) if value is None else Change(name, Variable(value))
        for name, value in wanted.items()
    )
    return (*back, *there, *_keep({name: before.get(name) for name in wanted}, environ))


def take_back(environ: Mapping[str, str]) -> tuple[Change, ...]:
    """Return the steps that make everything what it was before the first `lead`; none where it was never led."""
    if SAVED not in environ:
        return ()
    ours = (Change(name, None) for name in (SAVED, SAVED_SHELL) if name in environ)
    return (*(Change(name, variable) for name, variable in _saved(environ).items()), *ours)


def applied(environ: Mapping[str, str], changes: tuple[Change, ...]) -> dict[str, str]:
    """Return the environment of a program that is started after these steps."""
    made = dict(environ)
    for change in changes:
        made.pop(change.name, None)
        if change.variable is not None and change.variable.scope is not Scope.SHELL:
            made[change.name] = change.variable.value
    return made


def ordinary(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment as it would be without us: the proxy itself may need a key that was put aside."""
    made = applied(environ, take_back(environ))
    for name in (*environ.get(UNEXPORTED, "").split(), UNEXPORTED, UNIVERSAL, SAVED_SHELL):
        made.pop(name, None)
    return made


def _terminal(environ: Mapping[str, str]) -> dict[str, Variable]:
    scopes = dict.fromkeys(environ.get(UNEXPORTED, "").split(), Scope.SHELL)
    scopes |= dict.fromkeys(environ.get(UNIVERSAL, "").split(), Scope.UNIVERSAL)
    return {name: Variable(environ[name], scopes.get(name, Scope.EXPORTED)) for name in MANAGED if name in environ}


def _wanted(before: Mapping[str, str], environ: Mapping[str, str], to: Activation) -> dict[str, str | None]:
    """Return what each variable shall hold; None: nothing."""
    wanted: dict[str, str | None] = dict.fromkeys(LEADS_ELSEWHERE)
    wanted |= {name: None for name in MODELS if name in before and not to.needs.has_model(before[name])}
    wanted[BASE_URL] = to.url + (f"/provider/{to.pin}" if to.pin else "")
    wanted |= _carrying(before, to)
    wanted[DISCOVERY] = "1"
    if to.needs.timeout_ms:
        wanted[TIMEOUT] = str(max(to.needs.timeout_ms, _number(before.get(TIMEOUT), 0)))
    if to.needs.window:
        wanted[WINDOW] = str(min(to.needs.window, _number(before.get(WINDOW), to.needs.window)))
    if not to.needs.tool_search:
        wanted[TOOL_SEARCH] = "false"
    if any(environ.get(name) for name in PROXY_VARIABLES):  # the way to our own machine is not through a company's
        past = next((before[name] for name in PAST_PROXIES if before.get(name)), None)
        wanted |= dict.fromkeys(PAST_PROXIES, ",".join(filter(None, [past, to.host])))
    return wanted


def _carrying(before: Mapping[str, str], to: Activation) -> dict[str, str | None]:
    """Return what carries our token, and leaves Claude Code's own login alone where that is needed."""
    headers = before.get(HEADERS, "")
    if to.needs.own_login:
        return {TOKEN: None, HEADERS: custom_headers.with_token(headers, to.token)}
    if custom_headers.token_in(headers) is None:
        return {TOKEN: to.token}
    return {TOKEN: to.token, HEADERS: custom_headers.without_token(headers) or None}


def _number(text: str | None, otherwise: int) -> int:
    """Return what the user chose, if it is a number."""
    return int(text) if text and len(text) < 10 and text.isascii() and text.isdecimal() else otherwise


def _keep(before: _Terminal, environ: Mapping[str, str]) -> tuple[Change, ...]:
    shell = {name: one for name, one in before.items() if one and one.scope is Scope.SHELL}
    kept = Change(SAVED, Variable(_encode({**before, **dict.fromkeys(shell)})))
    if shell:
        return kept, Change(SAVED_SHELL, Variable(_encode(shell), Scope.SHELL))
    return (kept, Change(SAVED_SHELL, None)) if SAVED_SHELL in environ else (kept,)


def _encode(saved: _Terminal) -> str:
    """Return what was before as one word of plain letters, which no shell can misread."""
    plain = {name: [one.value, one.scope.value] if one else None for name, one in saved.items()}
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode()


def _saved(environ: Mapping[str, str]) -> dict[str, Variable | None]:
    """Return what was before; where that cannot be read any more, nothing was set."""
    if SAVED not in environ:
        return {}
    try:
        return {**_decode(environ[SAVED]), **_decode(environ.get(SAVED_SHELL, ""))}
    except (ValueError, TypeError, LookupError, RecursionError):
        return dict.fromkeys(MANAGED)


def _decode(word: str) -> dict[str, Variable | None]:
    """Return what `_encode` was given; names that are none of ours are left out. Raises where it is nothing of ours."""
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
