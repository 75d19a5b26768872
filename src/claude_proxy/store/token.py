"""The installation's token: a client that sends it may use this home's proxy."""

from __future__ import annotations

from claude_proxy.store.files import read_up_to, write_private
from claude_proxy.store.home import Home
from claude_proxy.store.lock import exclusive

TOKEN_BYTES = 32
MIN_TOKEN_LENGTH = 20
"""A shorter one was cut, by a full disk for example."""
MAX_TOKEN_BYTES = 4096
LOCK_TIMEOUT = 5.0
"""Seconds; making a token takes milliseconds."""


def installation_token(home: Home) -> str:
    """Return the home's token, made now if there is none. Processes that call this at the same time get the same one.

    The home must be prepared. Raises `OSError` (`TimeoutError` is one) if the token can be neither read nor made.
    """
    return stored_token(home) or _make(home)


def stored_token(home: Home) -> str | None:
    """Return the home's token; None if there is none yet, or none that can be used. Raises `OSError`."""
    try:
        token = (read_up_to(home.token, MAX_TOKEN_BYTES) or b"").decode("ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    usable = len(token) >= MIN_TOKEN_LENGTH and token.isprintable() and " " not in token
    return token if usable else None


def _make(home: Home) -> str:
    import secrets  # noqa: PLC0415 - loads OpenSSL, which takes as long as the rest, and a token is made once

    with exclusive(home.state / "token.lock", LOCK_TIMEOUT):
        token = stored_token(home)  # another process may have been first
        if token is None:
            token = secrets.token_urlsafe(TOKEN_BYTES)
            write_private(home.token, token.encode() + b"\n")
        return token
