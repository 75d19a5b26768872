"""Which upstream signed which thinking: each accepts its own signatures and rejects those of others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b
from typing import Final

from claude_proxy.core.bounded import BoundedDict
from claude_proxy.core.types import Upstream

MAX_UNUSED: Final = 60 * 86400.0
"""Seconds after which a signature that no request contained is forgotten. Few conversations are resumed later."""

MAX_SIGNATURES: Final = 20_000
"""A long session has some hundreds of thinking blocks: this is months of work, in about 4 MB."""

REFRESH_AFTER: Final = 86400.0
"""Seconds after which another use of a signature is recorded. Recording each would rewrite the file at each request."""


class SignatureOwners:
    """The upstream of each signature that was seen in an answer. Of a signature only a hash is kept.

    If there are too many, the one that was unused for longest is dropped.
    """

    __slots__ = ("_counts", "_owners", "changes")

    def __init__(self, limit: int = MAX_SIGNATURES) -> None:
        self._owners = BoundedDict[str, tuple[Upstream, float]](limit)  # by hash, with the time of the last use
        self._counts = Counter[Upstream]()  # signatures of each upstream
        self.changes = 0
        """Grows with each change, so that the state file is written only if there is one."""

    def note(self, digest: str, upstream: Upstream, now: float) -> None:
        """Record that an upstream made the signature with this hash."""
        self.restore(digest, upstream, now)
        self.changes += 1

    def restore(self, digest: str, upstream: Upstream, at: float) -> None:
        """Add an entry from the state file: a hash, its upstream, and the time of its last use."""
        displaced = self._owners.put(digest, (upstream, at))
        self._counts[upstream] += 1
        if displaced:
            self._counts[displaced[0]] -= 1

    def owner(self, signature: str, now: float) -> Upstream | None:
        """Return the upstream that made a signature, None if that is not known."""
        digest = digest_of(signature)
        entry = self._owners.get(digest)
        if entry is None:
            return None
        upstream, at = entry
        if now - at > REFRESH_AFTER:
            self.note(digest, upstream, now)
        return upstream

    def has_others_than(self, upstream: Upstream) -> bool:
        """Tell whether any signature of another upstream is known. If not, no request can contain one."""
        return self._counts[upstream] < len(self._owners)

    def kept(self, now: float) -> Iterator[tuple[str, Upstream, float]]:
        """Yield the entries for the state file, the oldest first: hash, upstream and time of the last use."""
        for digest, (upstream, at) in self._owners.items():
            if now - at <= MAX_UNUSED:
                yield digest, upstream, at

    def __len__(self) -> int:
        return len(self._owners)


def start_digest(text: str) -> blake2b:
    """Start the hash of a signature that comes in pieces."""
    return blake2b(text.encode(errors="surrogatepass"), digest_size=8)


def digest_of(signature: str) -> str:
    """Return the hash that is kept of a signature. 64 bits are enough to tell some thousands apart."""
    return start_digest(signature).hexdigest()
