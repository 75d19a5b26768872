"""What came of asking a provider, as values.

Whole, Opening    accepted: a whole answer, or a stream up to its first meaningful event
Rejected          no answer: whose fault that is, and why
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from claude_proxy.core.reasons import Reason, label
from claude_proxy.core.types import Fault, Reply


class Whole(msgspec.Struct, frozen=True, gc=False):
    """An accepted answer that has been read to its end."""

    reply: Reply


class Opening(msgspec.Struct, frozen=True, gc=False):
    """An accepted stream: its head, and all of its events that have come with the first meaningful one."""

    reply: Reply
    last: bytes = b""
    """The last event of the stream, if it is among them; it is not in `reply`."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """An answer, or the lack of one, that does not go to the client as an answer."""

    fault: Fault
    reason: Reason
    status: int | None = None
    """The status that it answered with, or that its error names behind a 200; None if nothing came."""
    text: str = field(default="", repr=False)
    """The provider's own words, shortened: for the user's eyes, not for a log, since they may quote the request."""
    until: float | None = None
    """When the provider says that it will answer again."""
    reply: Reply | None = None
    """Its error, if it gave one that can be relayed."""
    cooldown: float = field(default=0.0, repr=False)
    """How long its cooldown lasts at least if it names no time, in seconds."""

    @property
    def label(self) -> str:
        """A status or a word, safe in a header and in a log."""
        return label(self.reason, self.status)


def unanswered(reason: Reason, text: str) -> Rejected:
    """Return the outcome of a provider that could not be reached, fell silent or stopped speaking HTTP."""
    return Rejected(Fault.PROVIDER, reason, text=text)
