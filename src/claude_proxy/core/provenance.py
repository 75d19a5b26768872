"""Which upstream made which thinking: each takes back its own signatures and rejects those of others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b
from typing import Final

from claude_proxy.core.bounded import BoundedDict
from claude_proxy.core.types import Upstream

MAX_UNUSED: Final = 60 * 86400.0
"""Seconds after which a signature that stood in no request is forgotten: conversations are rarely taken up later."""

MAX_SIGNATURES: Final = 20_000
"""A long session holds some hundreds of thinking blocks; this is months of work, in about 4 MB."""

REFRESHED_AFTER: Final = 86400.0
"""Seconds after which another use of a signature is worth noting: it must not make the file new at each request."""


class SignatureOwners:
    """The upstream of each signature that was seen in an answer: a hash of it, never itself. The oldest go first."""

    __slots__ = ("_makers", "_signed", "changes")

    def __init__(self, most: int = MAX_SIGNATURES) -> None:
        self._makers = BoundedDict[str, tuple[Upstream, float]](most)  # by hash, in the order of their last use
        self._signed = Counter[Upstream]()  # how many of them each upstream made
        self.changes = 0
        """Counts what was learned, so that who keeps it on disk sees when to write."""

    def note(self, digest: str, upstream: Upstream, now: float) -> None:
        """Remember who made the signature with this hash."""
        self.restore(digest, upstream, now)
        self.changes += 1

    def restore(self, digest: str, upstream: Upstream, at: float) -> None:
        """Take up what was kept on disk: a hash, its upstream, and when it was last seen."""
        displaced = self._makers.put(digest, (upstream, at))
        self._signed[upstream] += 1
        if displaced:
            self._signed[displaced[0]] -= 1

    def of(self, signature: str, now: float) -> Upstream | None:
        """Return the upstream that made a signature, None if that is not known."""
        digest = hashed(signature)
        found = self._makers.get(digest)
        if found is None:
            return None
        upstream, at = found
        if now - at > REFRESHED_AFTER:
            self.note(digest, upstream, now)
        return upstream

    def others_than(self, upstream: Upstream) -> bool:
        """Tell whether any signature of another upstream is known: if not, no request can hold one."""
        return self._signed[upstream] < len(self._makers)

    def kept(self, now: float) -> Iterator[tuple[str, Upstream, float]]:
        """Yield hash, upstream and time of each that is not too old, the oldest first."""
        for digest, (upstream, at) in self._makers.items():
            if now - at <= MAX_UNUSED:
                yield digest, upstream, at

    def __len__(self) -> int:
        return len(self._makers)


def hashing(text: str) -> blake2b:
    """Begin the hash of a text that goes on."""
    return blake2b(text.encode(errors="surrogatepass"), digest_size=8)


def hashed(signature: str) -> str:
    """Return what is kept of a signature: 64 bits are enough to tell some thousands apart."""
    return hashing(signature).hexdigest()
