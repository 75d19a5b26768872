"""The variables that send a terminal's Claude Code through the proxy, and how to restore them: values in, values out.

    before ──activate──► active ──activate──► active, another provider ──deactivate──► before

What the variables held before is kept by the shell itself (`saved`). A shell that is started in the terminal knows all
but the secrets: it unsets what it cannot restore, and `not_restored` names it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from claude_proxy.cli.claude_code import custom_headers
from claude_proxy.cli.shell import saved
from claude_proxy.cli.shell.saved import SAVED, SAVED_SHELL, Saved, Scope, Variable, Withheld
from claude_proxy.core.client_requirements import ClientRequirements

UNEXPORTED = "CLAUDE_PROXY_UNEXPORTED"
"""Names, separated by spaces, of variables that the shell has not exported; its function exports them for us only."""
UNIVERSAL = "CLAUDE_PROXY_UNIVERSAL"
"""Names of fish's universal variables, which all terminals share: we hide them in this one, and do not change them."""
READONLY = "CLAUDE_PROXY_READONLY"
"""Names of variables that the shell can neither set nor unset."""
LISTS = "CLAUDE_PROXY_LISTS"
"""Fish's variables with no element or several: `NAME=one,two NAME=`, each element quoted as in a URL."""
FROM_FUNCTION = (UNEXPORTED, UNIVERSAL, READONLY, LISTS)
"""What only a shell's function sets, for the program alone."""

BASE_URL, TOKEN, API_KEY = "ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY"
HEADERS = "ANTHROPIC_CUSTOM_HEADERS"
"""Carries our token if a provider in use needs Claude Code's own login, which `TOKEN` would replace."""
TIMEOUT, WINDOW, TOOL_SEARCH = "API_TIMEOUT_MS", "CLAUDE_CODE_AUTO_COMPACT_WINDOW", "ENABLE_TOOL_SEARCH"
DISCOVERY = "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY"
"""With it, `/model` in Claude Code lists every provider's models."""
HINTS = "CLAUDE_CODE_GATEWAY_HINT_HEADERS"
"""With it, Claude Code says what each request is for (`core/client_hints.py`). A value of the user's own stays."""

BYPASS_VARIABLES = (API_KEY, "CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY")
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
    HINTS,
    *NO_PROXY_NAMES,
    *BYPASS_VARIABLES,
    *MODELS,
)
"""Every variable that we ever set or unset."""
KNOWN = (*MANAGED, SAVED, SAVED_SHELL)
"""Every variable that a shell's function has to export to the program."""


@dataclass(frozen=True, slots=True)
class Change:
    """One step: `name` becomes `variable`; None unsets it, and `hide` also hides a universal one of that name."""

    name: str
    variable: Variable | None
    hide: bool = False


@dataclass(frozen=True, slots=True)
class Activation:
    """What to activate: the proxy's address, host and token, the pinned provider if any, what providers need.

    `settings_proxy`: whether Claude Code's own settings name an HTTP proxy on the way.
    """

    url: str
    host: str
    token: str = field(repr=False)
    pin: str | None
    requirements: ClientRequirements
    settings_proxy: bool = False


def activate(environ: Mapping[str, str], to: Activation) -> tuple[Change, ...]:
    """Return the steps that send a terminal with this environment through the proxy, whatever its mode is now."""
    kept = _saved(environ)
    before: Saved = {**_terminal(environ), **kept}
    known = {name: variable.value for name, variable in before.items() if isinstance(variable, Variable)}
    wanted = _wanted(known, environ, to)
    new = tuple(
        Change(name, None, hide=True) if value is None else Change(name, Variable(value))
        for name, value in wanted.items()
    )
    keep = _keep({name: before.get(name) for name in wanted}, environ)  # first: whatever comes then can be undone
    return (*keep, *_restore({name: old for name, old in kept.items() if name not in wanted}), *new)


def deactivate(environ: Mapping[str, str]) -> tuple[Change, ...]:
    """Return the steps that restore everything from before the first `activate`; none if there was none."""
    if SAVED not in environ:
        return ()
    ours = (Change(name, None) for name in (SAVED, SAVED_SHELL) if name in environ)
    return (*_restore(_saved(environ)), *ours)


def not_restored(environ: Mapping[str, str], *, universal: bool) -> tuple[str, ...]:
    """Return the variables that `deactivate` unsets because it does not know what they held.

    `universal`: whether the shell is a fish, which uncovers its universal variables by that.
    """
    shown = {Scope.UNIVERSAL} if universal else set()
    kept = _saved(environ).items()
    return tuple(name for name, old in kept if isinstance(old, Withheld) and old.scope not in shown)


def lacks_shell_part(environ: Mapping[str, str]) -> bool:
    """Whether the shell that evaluates our statements may know more than this environment says.

    So it is if the user called the program without the shell's function, which passes everything.
    """
    return SAVED_SHELL not in environ and UNEXPORTED not in environ and bool(not_restored(environ, universal=False))


def readonly(environ: Mapping[str, str], changes: tuple[Change, ...]) -> tuple[str, ...]:
    """Return the variables that these steps are to change, and that the shell cannot change."""
    now = _terminal(environ)
    fixed = _readonly_names(environ)
    return tuple(one.name for one in changes if one.name in fixed and now.get(one.name) != one.variable)


def changeable(environ: Mapping[str, str], changes: tuple[Change, ...]) -> tuple[Change, ...]:
    """Return the steps that the shell can take. In zsh, an error in one would skip all that come after it."""
    fixed = _readonly_names(environ)
    return tuple(one for one in changes if one.name not in fixed)


def apply_changes(environ: Mapping[str, str], changes: tuple[Change, ...]) -> dict[str, str]:
    """Return the environment of a program that the shell starts after these steps."""
    changed = dict(environ)
    for change in changes:
        changed.pop(change.name, None)
        if change.variable is not None and change.variable.scope is not Scope.SHELL:
            changed[change.name] = change.variable.value
    return changed


def activated_environment(environ: Mapping[str, str], to: Activation) -> dict[str, str]:
    """Return the environment of one program that is to use the proxy: there is nothing to restore after it."""
    return _without(apply_changes(environ, activate(environ, to)), SAVED, SAVED_SHELL)


def original_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment as it would be without us: the proxy itself may need a key that was unset."""
    original = apply_changes(environ, deactivate(environ))
    return _without(original, *environ.get(UNEXPORTED, "").split(), *FROM_FUNCTION, SAVED_SHELL)


def _without(environ: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name not in names}


def _readonly_names(environ: Mapping[str, str]) -> list[str]:
    return environ.get(READONLY, "").split()


def _terminal(environ: Mapping[str, str]) -> dict[str, Variable]:
    scopes = dict.fromkeys(environ.get(UNEXPORTED, "").split(), Scope.SHELL)
    scopes |= dict.fromkeys(environ.get(UNIVERSAL, "").split(), Scope.UNIVERSAL)
    lists = dict(_lists(environ.get(LISTS, "")))
    return {
        name: Variable(environ[name], scopes.get(name, Scope.EXPORTED), lists.get(name))
        for name in MANAGED
        if name in environ
    }


def _lists(told: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for word in told.split():
        name, _, quoted = word.partition("=")
        yield name, tuple(unquote(part, errors="surrogateescape") for part in quoted.split(",")) if quoted else ()


def _wanted(before: Mapping[str, str], environ: Mapping[str, str], to: Activation) -> dict[str, str | None]:
    """Return the value that each variable is to have; None: unset."""
    wanted: dict[str, str | None] = dict.fromkeys(BYPASS_VARIABLES)
    wanted |= {name: None for name in MODELS if name in before and not to.requirements.has_model(before[name])}
    wanted[BASE_URL] = to.url + (f"/provider/{to.pin}" if to.pin else "")
    wanted |= _token_variables(before, to)
    wanted[DISCOVERY] = "1"
    wanted[HINTS] = before.get(HINTS, environ.get(HINTS, "1"))
    if to.requirements.timeout_ms:
        wanted[TIMEOUT] = str(max(to.requirements.timeout_ms, _number(before.get(TIMEOUT), 0)))
    if to.requirements.window:
        wanted[WINDOW] = str(min(to.requirements.window, _number(before.get(WINDOW), to.requirements.window)))
    if not to.requirements.tool_search:
        wanted[TOOL_SEARCH] = "false"
    if to.settings_proxy or any(environ.get(name) for name in PROXY_VARIABLES):
        wanted |= dict.fromkeys(NO_PROXY_NAMES, _no_proxy(before, to.host))
    return wanted


def _no_proxy(before: Mapping[str, str], host: str) -> str:
    """Return the list with our own machine in it: a company's proxy is not the way there."""
    listed = next((before[name] for name in NO_PROXY_NAMES if before.get(name)), "")
    return listed if listed.strip() == "*" else ",".join(filter(None, [listed, host]))  # `*` counts only by itself


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


def _keep(before: Saved, environ: Mapping[str, str]) -> tuple[Change, ...]:
    exported, shell = saved.encode(before)
    kept = Change(SAVED, Variable(exported))
    if shell is not None:
        return kept, Change(SAVED_SHELL, Variable(shell, Scope.SHELL))
    return (kept, Change(SAVED_SHELL, None)) if SAVED_SHELL in environ else (kept,)


def _restore(kept: Saved) -> tuple[Change, ...]:
    return tuple(Change(name, old if isinstance(old, Variable) else None) for name, old in kept.items())


def _saved(environ: Mapping[str, str]) -> Saved:
    """Return the values from before, with what the environment itself still shows of those that are withheld."""
    kept = saved.decode(environ, MANAGED)
    return {name: _shown(name, old, environ) if isinstance(old, Withheld) else old for name, old in kept.items()}


def _shown(name: str, old: Withheld, environ: Mapping[str, str]) -> Variable | Withheld:
    """Return a withheld value if the environment shows it: the user's headers beside ours, a key that was set anew."""
    value = environ.get(name, "")
    if name == HEADERS:
        value = custom_headers.without_token(value)
    return Variable(value, old.scope) if value and name in {HEADERS, API_KEY} else old
