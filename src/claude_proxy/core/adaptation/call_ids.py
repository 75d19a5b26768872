"""The rule for ids of tool calls: some providers give ids such as `functions.Bash:0`, which providers of Claude reject.

The provider that gave an id gets it back unchanged, since it may depend on it. For the others it is replaced, by the id
alone: so a call and its result stay a pair, and every turn sends the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import blake2b
from types import MappingProxyType
from typing import Final

from claude_proxy.core.adaptation.draft import Changes, Draft
from claude_proxy.core.adaptation.rule import REWRITTEN, AdaptationRule, ChangeText, MessageRule
from claude_proxy.core.json_values import text_of
from claude_proxy.core.message_blocks import Block, Message
from claude_proxy.core.traits import PLAIN_CALL_IDS, Kind, ModelFacts, Rule, Traits

MAX_KEPT: Final = 48
"""Characters of an odd id that stay legible."""

_ID_MEMBERS: Final = {"tool_use": "id", "tool_result": "tool_use_id"}
"""By the type of a block, the member that holds the id of the call."""

_CALL_NEEDLE: Final = b'"tool_use"'
_ID_NEEDLE: Final = b'"id"'
_PLAIN: Final = re.compile(r"[a-zA-Z0-9_-]+")
_PLAIN_MEMBER: Final = re.compile(rb'"id"\s*:\s*"[a-zA-Z0-9_-]+"')
_NOT_PLAIN: Final = re.compile(r"[^a-zA-Z0-9_-]")


def plain_id(call_id: str) -> str:
    """Return an id of letters, digits, `_` and `-`: the given one if it is plain, else one made from it."""
    if _PLAIN.fullmatch(call_id):
        return call_id
    digest = blake2b(call_id.encode(errors="surrogatepass"), digest_size=4).hexdigest()
    return f"{_NOT_PLAIN.sub('_', call_id[:MAX_KEPT])}_{digest}"


class CallIds(MessageRule):
    """Replaces the ids of tool calls that are not plain, in the call and in its result."""

    __slots__ = ("_changes", "_odd_call")

    user_messages = True
    assistant_messages = True
    sees_each = True

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._odd_call = False
        """Whether the last message of the assistant may hold an id to replace: its result comes in the next one."""

    def concerns(self, raw: bytes, role: str) -> bool:
        """Tell whether a message may hold an id to replace."""
        if role == "assistant":
            self._odd_call = _may_hold_odd_id(raw)
        elif not role:
            self._odd_call = self._odd_call or _may_hold_odd_id(raw)
        return self._odd_call

    def apply(self, message: Message) -> None:
        """Replace the ids."""
        blocks = [_with_plain_id(block) for block in message.blocks]
        changed = sum(new is not old for new, old in zip(blocks, message.blocks, strict=True))
        if changed:
            message.replace_blocks(blocks)
            self._changes.note("call-id", changed)


def _may_hold_odd_id(message: bytes) -> bool:
    if _CALL_NEEDLE not in message:
        return False
    found = message.find(_ID_NEEDLE)
    while found >= 0:
        plain = _PLAIN_MEMBER.match(message, found)
        if plain is None:
            return True
        found = message.find(_ID_NEEDLE, plain.end())
    return False


def _with_plain_id(block: Block) -> Block:
    member = _ID_MEMBERS.get(block.kind, "")
    given = text_of(block.members, member)
    plain = plain_id(given) if given else given
    return block if plain == given else block.with_member(member, plain)


def rewrite_call_ids(draft: Draft) -> CallIds | None:
    """Return the rule for providers that accept plain ids only."""
    return CallIds(draft.changes) if draft.constraints.plain_call_ids else None


_REWRITTEN_IDS: Final = ChangeText(REWRITTEN, "ids of tool calls that another provider gave")


def _describe(traits: Traits, facts: ModelFacts) -> Iterator[ChangeText]:
    del facts
    if traits.checks_signatures or traits.plain_call_ids:
        yield _REWRITTEN_IDS


CALL_IDS: Final = AdaptationRule(
    name="call-ids",
    records=MappingProxyType(
        {
            "call-id": (
                "Replaces the id of a tool call that Anthropic would reject, such as Moonshot's "
                "`functions.Bash:0`. Moonshot gets its own id back."
            ),
        }
    ),
    on_messages=rewrite_call_ids,
    describe=_describe,
    rejections=MappingProxyType({Rule(Kind.REQUIRES, PLAIN_CALL_IDS): _REWRITTEN_IDS}),
)
