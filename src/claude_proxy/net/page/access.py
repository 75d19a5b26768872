"""Who sees the page: codes that work once and soon expire, and the cookies that they become.

All of it is in memory, bounded, and gone when the process ends. Times are those of the monotonic clock.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterator
from itertools import islice
from typing import Final

CODE_SECONDS: Final = 60.0
"""How long a link works: time for a browser to start, or to paste it into one."""
SESSION_SECONDS: Final = 86_400.0
"""How long a browser may look at the page: a day."""
MAX_CODES: Final = 8
MAX_SESSIONS: Final = 16
"""Of both, the oldest gives way to a new one."""
MAX_COOKIES: Final = 4
"""Of one name, that are compared: there is one, unless another server on this machine has set it as well."""
_BYTES: Final = 32


class PageAccess:
    """The codes and the sessions of one proxy."""

    __slots__ = ("_codes", "_sessions")

    def __init__(self) -> None:
        self._codes: dict[bytes, float] = {}
        self._sessions: dict[bytes, float] = {}

    def new_code(self, now: float) -> str:
        """Return a code for one link."""
        return _new(self._codes, MAX_CODES, now + CODE_SECONDS, now)

    def redeem(self, code: bytes, now: float) -> str | None:
        """Return a session's secret for a code, which is used up by that; None if it is none, or too old."""
        found = _find(self._codes, code, now)
        if found is None:
            return None
        del self._codes[found]
        return _new(self._sessions, MAX_SESSIONS, now + SESSION_SECONDS, now)

    def has(self, secret: bytes, now: float) -> bool:
        """Whether this is the secret of a session."""
        return _find(self._sessions, secret, now) is not None

    def __repr__(self) -> str:
        return f"<PageAccess {len(self._codes)} codes, {len(self._sessions)} sessions>"


def _new(known: dict[bytes, float], limit: int, expires: float, now: float) -> str:
    for old in [each for each, end in known.items() if end <= now]:
        del known[old]
    while len(known) >= limit:
        del known[next(iter(known))]
    secret = secrets.token_urlsafe(_BYTES)
    known[secret.encode()] = expires
    return secret


def _find(known: dict[bytes, float], given: bytes, now: float) -> bytes | None:
    """Return which of them was given. All are compared, so that the time does not reveal which one is nearly right."""
    found = [each for each, end in known.items() if hmac.compare_digest(each, given) and now < end]
    return found[0] if found else None


def cookie_name(port: int) -> bytes:
    """Return the cookie's name, one for each proxy: a browser sends a cookie to all ports of a host."""
    return b"claude-proxy-%d" % port


def cookies(header: bytes, name: bytes) -> Iterator[bytes]:
    """Yield the first values that a `Cookie` header has for a name."""
    pairs = (part.strip().partition(b"=") for part in header.split(b";"))
    return islice((value for given, _, value in pairs if given == name), MAX_COOKIES)
