"""The installation's token: a client that sends it may use this home's proxy."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys

from claude_proxy.store.files import write_private
from claude_proxy.store.home import Home
from claude_proxy.store.lock import exclusive
from claude_proxy.store.own_files import OTHERS, OWNER_ONLY, open_own, read_own

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
    """Return the home's token; None if there is none yet, or none that can be used.

    Raises `OSError`, also if another user has put one there.
    """
    try:
        token = (read_own(home.token, MAX_TOKEN_BYTES) or b"").decode("ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    usable = len(token) >= MIN_TOKEN_LENGTH and token.isprintable() and " " not in token
    return token if usable else None


def exposure(home: Home) -> str:
    """Return how other users of this machine may get at the token; an empty text if they may not, or none is there."""
    if sys.platform == "win32":  # which has no modes; `doctor` looks at the access lists
        return ""
    try:
        mode = home.token.lstat().st_mode
    except OSError:
        return ""
    exposed = stat.S_ISREG(mode) and mode & OTHERS
    return f"other users of this machine may use state/token (mode {stat.S_IMODE(mode):04o})" if exposed else ""


def secure_token(home: Home) -> str:
    """Replace a token that others may have read or written, while no proxy uses it.

    Return what was done, or why it could not be, in a sentence for the user; an empty text if it is private.
    """
    if not (exposed := exposure(home)):
        return ""
    try:
        if not _close(home):
            return f"{exposed}, since its disk keeps no permissions. Keep the home folder on another one."
        _make(home, anew=True)
    except OSError as error:
        return f"{exposed}, and it cannot be replaced: {error.strerror or type(error).__name__}."
    return f"{exposed.replace('may', 'could')}, so it was replaced. Restart the clients that still have the old one."


def _close(home: Home) -> bool:
    """Take the token's file from others; False if the file system does not keep that. Raises `OSError`."""
    descriptor = open_own(home.token, os.O_RDONLY)
    try:
        if os.fstat(descriptor).st_uid != os.geteuid():  # root in a user's home: the user could not read a new one
            raise PermissionError(errno.EPERM, "its owner has to remove it")
        with contextlib.suppress(OSError):
            os.fchmod(descriptor, OWNER_ONLY)
        return not os.fstat(descriptor).st_mode & OTHERS
    finally:
        os.close(descriptor)


def _make(home: Home, *, anew: bool = False) -> str:
    import secrets  # noqa: PLC0415 - loads OpenSSL, which takes as long as the rest, and a token is made once

    with exclusive(home.state / "token.lock", LOCK_TIMEOUT):
        token = None if anew else stored_token(home)  # another process may have been first
        if token is None:
            token = secrets.token_urlsafe(TOKEN_BYTES)
            write_private(home.token, token.encode() + b"\n")
        return token
