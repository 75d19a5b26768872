"""The client's own login, such as a plan's: which header holds it, which providers get it, how it stays hidden.

A Claude Code that is logged in sends its token in `Authorization` to whatever its base URL names. The proxy's token
then comes in a header of its own. A login goes to the providers with `Auth.CLIENT` alone, in their requests alone.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec
from msgspec.structs import replace

from claude_proxy.core.auth import Auth
from claude_proxy.core.headers import find
from claude_proxy.core.routing import Route
from claude_proxy.core.types import Headers, Provider

MAX_LOGIN_BYTES: Final = 8192
"""OAuth tokens have a hundred bytes, signed ones a few thousand."""

_LOGIN: Final = re.compile(rb"[Bb]earer +[!-~]+")
_ALL_BUT_LOGIN: Final = frozenset({b"cookie", b"proxy-authorization", b"x-api-key", b"x-claude-proxy-token"})
_CREDENTIALS: Final = _ALL_BUT_LOGIN | {b"authorization"}


class NoLogin(msgspec.Struct, frozen=True, gc=False):
    """No provider can be asked, since the request lacks the login that they take.

    `message` says how to fix that; `text.with_program` makes its command the one that this user types.
    """

    message: str


def strip_credentials(headers: Headers, token: bytes) -> Headers:
    """Return the headers of an admitted request without credentials, but for a login of the client's own.

    A header that holds the proxy's token is removed, whatever its name. Of two logins, neither is trusted.
    """
    logins = [value for name, value in headers if name == b"authorization"]
    dropped = _ALL_BUT_LOGIN if len(logins) == 1 and _is_login(logins[0]) else _CREDENTIALS
    return tuple([pair for pair in headers if pair[0] not in dropped and pair[1].find(token) < 0])


def _is_login(value: bytes) -> bool:
    return len(value) <= MAX_LOGIN_BYTES and _LOGIN.fullmatch(value) is not None


def has_login(headers: Headers) -> bool:
    """Whether a request comes with a login; its headers have gone through `strip_credentials`."""
    return find(headers, b"authorization") is not None


def open_to(route: Route, *, with_login: bool) -> Route | NoLogin:
    """Return the candidates that a request can be sent to; without a login, those that take one are left out."""
    if with_login:
        return route
    others = tuple(candidate for candidate in route.candidates if candidate.provider.auth is not Auth.CLIENT)
    if others:
        return route if len(others) == len(route.candidates) else replace(route, candidates=others)
    name = route.candidates[0].provider.name
    return NoLogin(
        f"{name} takes Claude Code's own login, and this request has none. Log in to Claude Code (/login), then start "
        "it in a terminal where you have typed claude-fb again, or with `claude-proxy run -- claude`"
    )


def secret_for(provider: Provider, headers: Headers) -> str:
    """Return the secret that a provider gets with a request, so that it can be taken out of the provider's words."""
    if provider.auth is not Auth.CLIENT:
        return provider.api_key
    return (find(headers, b"authorization") or b"").partition(b" ")[2].strip().decode("latin-1")
