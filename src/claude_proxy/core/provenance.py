"""Which upstream signed which thinking: each accepts its own signatures and rejects those of others."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import Final

from claude_proxy.core.bounded import Shares
from claude_proxy.core.types import Upstream

MAX_UNUSED: Final = 60 * 86400.0
"""Seconds after which a signature that no request contained is forgotten. Few conversations are resumed later."""

MAX_SIGNATURES: Final = 10_000
"""Of one upstream. A long session has some hundreds of thinking blocks: this is months of work, in about 2 MB."""

MAX_ALL_SIGNATURES: Final = 100_000
"""Of all upstreams together: with more than ten, each has a smaller share."""

REFRESH_AFTER: Final = 86400.0
"""Seconds after which another use of a signature is recorded. Recording each would rewrite the file at each request."""


class SignatureOwners:
    """The upstream of each signature that was seen in an answer. Of a signature only a hash is kept.

    The upstream that showed a signature first stays its owner: another one that repeats it, which it may know from a
    conversation, does not get it. Each upstream has a share of its own. If that is full, the one of its signatures that
    was unused for longest is dropped.
    """

    __slots__ = ("_last_uses", "_owners", "changes")

    def __init__(self, each: int = MAX_SIGNATURES, total: int = MAX_ALL_SIGNATURES) -> None:
        self._owners: dict[str, Upstream] = {}  # by hash
        self._last_uses = Shares[Upstream, str, float](each, total)
        self.changes = 0
        """Grows with each change, so that the state file is written only if there is one."""

    def note(self, digest: str, upstream: Upstream, now: float) -> None:
        """Record that an upstream showed the signature with this hash."""
        self.changes += self._keep(digest, upstream, now)

    def restore(self, digest: str, upstream: Upstream, at: float) -> None:
        """Add an entry from the state file: a hash, its upstream, and the time of its last use."""
        self._keep(digest, upstream, at)

    def _keep(self, digest: str, upstream: Upstream, at: float) -> bool:
        if self._owners.setdefault(digest, upstream) != upstream:
            return False
        for dropped in self._last_uses.put(upstream, digest, at):
            del self._owners[dropped]
        return True

    def owner(self, signature: str, now: float) -> Upstream | None:
        """Return the upstream that made a signature, None if that is not known."""
        digest = digest_of(signature)
        upstream = self._owners.get(digest)
        if upstream is None:
            return None
        if now - (self._last_uses.get(upstream, digest) or 0.0) > REFRESH_AFTER:
            self.note(digest, upstream, now)
        return upstream

    def has_others_than(self, upstream: Upstream) -> bool:
        """Tell whether any signature of another upstream is known. If not, no request can contain one."""
        return self._last_uses.count(upstream) < len(self._owners)

    def kept(self, now: float) -> Iterator[tuple[str, Upstream, float]]:
        """Yield the entries for the state file, those of an upstream oldest first: hash, upstream, last use."""
        for upstream, digest, at in self._last_uses.items():
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
