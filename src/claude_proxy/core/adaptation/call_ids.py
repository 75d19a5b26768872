"""Ids of tool calls: some providers give ones such as `functions.Bash:0`, and those who serve Claude refuse them.

Who gave an id gets it back as it was: it may go by it. For the others it is written anew, by the id alone, so that a
call and its result stay a pair and each turn shows the same.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final

from claude_proxy.core.adaptation.changes import Changes
from claude_proxy.core.adaptation.constraints import Constraints
from claude_proxy.core.adaptation.message_blocks import Block, Message, text_of

MAX_KEPT: Final = 48
"""Characters of an odd id that stay legible."""

_MEMBERS: Final = {"tool_use": "id", "tool_result": "tool_use_id"}
"""By the type of a block, the member that holds the id of the call."""

_CALL_NEEDLE: Final = b'"tool_use"'
_ID_NEEDLE: Final = b'"id"'
_PLAIN: Final = re.compile(r"[a-zA-Z0-9_-]+")
_PLAIN_MEMBER: Final = re.compile(rb'"id"\s*:\s*"[a-zA-Z0-9_-]+"')
_ODD: Final = re.compile(r"[^a-zA-Z0-9_-]")


def plain_id(given: str) -> str:
    """Return an id of letters, digits, `_` and `-`: the given one where it is such, else one that stands for it."""
    if _PLAIN.fullmatch(given):
        return given
    told_apart = blake2b(given.encode(errors="surrogatepass"), digest_size=4).hexdigest()
    return f"{_ODD.sub('_', given[:MAX_KEPT])}_{told_apart}"


class CallIds:
    """The rule for ids of tool calls, for one candidate."""

    __slots__ = ("_changes", "idle")

    def __init__(self, terms: Constraints, changes: Changes) -> None:
        self._changes = changes
        self.idle = not terms.plain_call_ids

    def concern(self, message: bytes) -> bool:
        """Tell, by its bytes, whether an assistant's message may hold an odd id. Its results stand in the next one."""
        if self.idle or _CALL_NEEDLE not in message:
            return False
        found = message.find(_ID_NEEDLE)
        while found >= 0:
            plain = _PLAIN_MEMBER.match(message, found)
            if plain is None:
                return True
            found = message.find(_ID_NEEDLE, plain.end())
        return False

    def apply(self, message: Message) -> None:
        """Write odd ids anew."""
        if self.idle:
            return
        blocks = [_renamed(block) for block in message.blocks]
        changed = sum(new is not old for new, old in zip(blocks, message.blocks, strict=True))
        if changed:
            message.put(blocks)
            self._changes.note("call-id", changed)


def _renamed(block: Block) -> Block:
    member = _MEMBERS.get(block.kind, "")
    given = text_of(block.members, member)
    plain = plain_id(given) if given else given
    return block if plain == given else block.with_member(member, plain)
