"""How requests to a provider are authenticated.

Not in `types.py`, which would take long to load for commands that only show this.
"""

from __future__ import annotations

import enum


class Auth(enum.Enum):
    """How requests to a provider are authenticated: by a key in this header, by the client's own login, or not."""

    BEARER = "bearer"
    X_API_KEY = "x-api-key"
    CLIENT = "client"
    """The client's own `Authorization`, a plan's login, is passed on to this provider alone."""
    NONE = "none"
    """A server on this machine that asks for no key."""


class KeySource(enum.Enum):
    """Where a key is set; the value is what messages say."""

    FILE = ".env"
    ENVIRONMENT = "environment"
