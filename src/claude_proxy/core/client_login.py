"""The client's own login, a plan's for example: which header it is, who may be asked with it, what hides it.

A Claude Code that is logged in sends its token in `Authorization` to whatever its base URL names. Ours then comes in a
header of its own. A login goes to the providers that are set to `Auth.CLIENT`, and no further than their request.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from claude_proxy.core.headers import find
from claude_proxy.core.routing import Route
from claude_proxy.core.types import Auth, Headers, Provider

MAX_LOGIN_BYTES: Final = 8192
"""OAuth tokens have a hundred bytes, signed ones a few thousand."""

_LOGIN: Final = re.compile(rb"[Bb]earer +[!-~]+")
_ALL_BUT_LOGIN: Final = frozenset({b"cookie", b"proxy-authorization", b"x-api-key", b"x-claude-proxy-token"})
_CREDENTIALS: Final = _ALL_BUT_LOGIN | {b"authorization"}


@dataclass(frozen=True, slots=True)
class NoLogin:
    """Nobody can be asked, since the request lacks the login that `provider` takes; `message` says how to mend that."""

    message: str


def strip_credentials(headers: Headers, token: bytes) -> Headers:
    """Return the headers of an admitted request without credentials, but for a login of the client's own.

    What holds our token goes, whatever the header is called; of two logins, none is taken for the right one.
    """
    found = [value for name, value in headers if name == b"authorization"]
    dropped = _ALL_BUT_LOGIN if len(found) == 1 and _is_login(found[0]) else _CREDENTIALS
    return tuple([pair for pair in headers if pair[0] not in dropped and token not in pair[1]])


def _is_login(value: bytes) -> bool:
    return len(value) <= MAX_LOGIN_BYTES and _LOGIN.fullmatch(value) is not None


def has_login(headers: Headers) -> bool:
    """Whether a request with these headers, purged, comes with a login."""
    return find(headers, b"authorization") is not None


def open_to(route: Route, *, with_login: bool) -> Route | NoLogin:
    """Return the part of a route that a request can go; without a login, who takes one is passed over."""
    if with_login:
        return route
    others = tuple(one for one in route.candidates if one.provider.auth is not Auth.CLIENT)
    if others:
        return route if len(others) == len(route.candidates) else replace(route, candidates=others)
    name = route.candidates[0].provider.name
    return NoLogin(
        f"{name} is asked with Claude Code's own login, and this request came without one: log in to Claude Code "
        "(/login), and start it in a terminal where claude-fb was typed anew, or by `claude-proxy run -- claude`"
    )


def secret_for(provider: Provider, headers: Headers) -> str:
    """Return the secret that a provider gets with a request, so that it can be taken out of the provider's words."""
    if provider.auth is not Auth.CLIENT:
        return provider.api_key
    return (find(headers, b"authorization") or b"").partition(b" ")[2].strip().decode("latin-1")
