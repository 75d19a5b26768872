"""A proof that a proxy holds this home's token, before the token is sent to it.

A command that does not know for certain where its proxy runs sends a random challenge to `/health`. The answer holds
this proof, which only the token makes. The port is part of it: else another program could pass the challenge on to the
real proxy, and give its answer as its own.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

CHALLENGE: Final = b"challenge="
"""How the query of `/health` begins."""
MAX_CHALLENGE: Final = 100


def new_challenge() -> bytes:
    """Return a query for `/health` that nobody can foresee."""
    return CHALLENGE + secrets.token_hex(16).encode()


def prove(token: str, port: int, challenge: bytes) -> str:
    """Return the proof for a challenge, of a proxy that listens on `port`."""
    return hmac.new(token.encode(), b"health %d %b" % (port, challenge), hashlib.sha256).hexdigest()


def is_proven(proof: str, token: str, port: int, challenge: bytes) -> bool:
    """Whether a proof is that of the token's own proxy."""
    return hmac.compare_digest(proof.encode(), prove(token, port, challenge).encode())
