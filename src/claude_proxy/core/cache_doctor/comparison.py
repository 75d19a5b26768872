"""Two prompts compared by their fingerprints."""

from __future__ import annotations

import msgspec

from claude_proxy.core.cache_doctor.finding import (
    SETTINGS_CHANGED,
    SYSTEM_CHANGED,
    TOOLS_CHANGED,
    message_changed,
)
from claude_proxy.core.cache_doctor.fingerprint import Fingerprint
from claude_proxy.core.cache_doctor.prompt_pieces import FIRST_MESSAGE, SETTINGS, SYSTEM, TOOLS

_NAMES = {TOOLS: TOOLS_CHANGED, SYSTEM: SYSTEM_CHANGED, SETTINGS: SETTINGS_CHANGED}


class Comparison(msgspec.Struct, frozen=True, gc=False):
    """What a prompt has in common with an earlier one."""

    common: int
    """Pieces at their beginnings that are the same."""
    changed: str
    """Which piece is another one than before, as a reason; empty if none is: pieces were added or left out."""
    related: bool
    """Whether they are of one conversation."""
    common_share: float
    """How much of the earlier prompt the common beginning is, by bytes."""
    expected_share: float
    """How much of the earlier prompt is in this one too, by bytes: if nothing had changed, all that could be read."""


def compare(before: Fingerprint, now: Fingerprint) -> Comparison:
    """Compare a prompt with an earlier one."""
    common = _common_pieces(before, now)
    whole = sum(before.sizes) or 1
    beginning = sum(before.sizes[:common])
    if common in (len(before), len(now)):
        return Comparison(common, "", common > FIRST_MESSAGE, beginning / whole, beginning / whole)
    kept, messages = beginning, max(0, common - FIRST_MESSAGE)
    earlier = set(before.counting[max(common, FIRST_MESSAGE) :])
    for place in range(common, len(now)):
        if place < FIRST_MESSAGE:  # most of it is as it was: a tool more, another date
            kept += min(before.sizes[place], now.sizes[place])
        elif now.counting[place] in earlier:
            kept += now.sizes[place]
            messages += 1
    changed = _NAMES.get(common) or message_changed(common - FIRST_MESSAGE + 1)
    return Comparison(common, changed, _is_related(before, now, messages), beginning / whole, min(1.0, kept / whole))


def _common_pieces(before: Fingerprint, now: Fingerprint) -> int:
    least = min(len(before), len(now))
    if before.counting[:least] == now.counting[:least]:
        return least
    pairs = enumerate(zip(before.counting, now.counting, strict=False))
    return next(place for place, (one, other) in pairs if one != other)


def _is_related(before: Fingerprint, now: Fingerprint, common_messages: int) -> bool:
    """A request for a title may begin with the conversation's first message, but has another beginning before that."""
    same_head = before.counting[TOOLS] == now.counting[TOOLS] or before.counting[SYSTEM] == now.counting[SYSTEM]
    return common_messages > 1 or (common_messages == 1 and same_head)
