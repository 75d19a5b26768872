"""The rule for earlier thinking: a provider accepts its own, and rejects or misreads what another provider signed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from claude_proxy.core.adaptation.draft import Draft
from claude_proxy.core.adaptation.rule import INSERTED, LEFT_OUT, AdaptationRule, ChangeText, Conversation, MessageRule
from claude_proxy.core.adaptation.thinking_mode import drop_thinking
from claude_proxy.core.json_values import text_of
from claude_proxy.core.message_blocks import USER, Block, Message
from claude_proxy.core.traits import (
    ALL_THINKING,
    THINKING_ON_TOOL_TURNS,
    UNKNOWN_THINKING,
    Kind,
    ModelFacts,
    Rule,
    Traits,
)

_NEEDLE: Final = b'thinking"'
"""Is in the type of both kinds of thinking blocks."""

_KINDS: Final = ("thinking", "redacted_thinking")
_NEEDLES_IN_BLOCK: Final = 2
"""How often the needle is in a block: it names its type, and has a member of that name."""

_STARTS_WITH_THINKING: Final = re.compile(rb'\{"role":"assistant","content":\[\{"type":"thinking","thinking":"[^"\\\s]')
_CALL_NEEDLE: Final = b'"tool_use"'
_SIGNATURE: Final = b'"signature":"'

NOTHING_LEFT: Final = "[no text]"
"""Replaces a message of the assistant that held only thinking: it must not be empty."""

PLACEHOLDER: Final = "[These thoughts were another model's and were not kept.]"
"""For providers that require thinking beside each tool call, and accept any."""


class ThinkingBlocks(MessageRule):
    """Removes thinking that the provider would reject, and inserts a placeholder if it requires some."""

    __slots__ = ("_changes", "_draft", "_drops_all", "_drops_unknown", "_owner_of", "_required", "_signed", "_upstream")

    assistant_messages = True

    def __init__(self, draft: Draft) -> None:
        constraints = draft.constraints
        self._draft = draft
        self._changes = draft.changes
        self._upstream = constraints.upstream
        self._owner_of = draft.owner_of
        self._drops_all = constraints.drops_all_thinking
        self._drops_unknown = constraints.drops_unknown_thinking
        self._required = requires_thinking(draft)
        self._signed = constraints.traits.checks_signatures

    def concerns(self, raw: bytes, role: str) -> bool:
        """Tell whether a message may hold thinking to remove, or lack some that is required."""
        del role
        needles = raw.count(_NEEDLE)
        if self._required and _CALL_NEEDLE in raw:
            return needles != _NEEDLES_IN_BLOCK or not _STARTS_WITH_THINKING.match(raw)
        return needles > 0 and (self._drops_unknown or not self._all_plainly_accepted(raw, needles))

    def _all_plainly_accepted(self, message: bytes, needles: int) -> bool:
        """Tell whether each thinking block has a signature that the provider accepts. In doubt, the answer is no."""
        end = signed = 0
        while (found := message.find(_SIGNATURE, end)) >= 0:
            start = found + len(_SIGNATURE)
            end = message.find(b'"', start)
            signature = message[start:end]
            if b"\\" in signature or self._rejects(signature.decode(errors="replace")):
                return False
            signed += 1
        return needles == _NEEDLES_IN_BLOCK * signed

    def apply(self, message: Message) -> None:
        """Remove and insert thinking in a message of the assistant."""
        if message.role != "assistant":
            return
        required = self._required and any(block.kind == "tool_use" for block in message.blocks)
        kept = [block for block in message.blocks if self._keeps(block, required=required)]
        dropped = len(message.blocks) - len(kept)
        if dropped:
            self._changes.note("thinking:foreign", dropped)
        if required and not any(map(_has_text, kept)):
            kept.insert(0, Block.made({"type": "thinking", "thinking": PLACEHOLDER, "signature": ""}, "thinking"))
            self._changes.note("thinking:placeholder")
        elif not dropped:
            return
        message.replace_blocks(kept or [Block.text(NOTHING_LEFT)])

    def _keeps(self, block: Block, *, required: bool) -> bool:
        if block.kind not in _KINDS or (required and _has_text(block)):
            return True
        if self._drops_all:
            return False
        return not self._rejects(text_of(block.members, "signature" if block.kind == "thinking" else "data"))

    def _rejects(self, signature: str) -> bool:
        if not signature and self._signed:
            return True
        owner = self._owner_of(signature) if self._owner_of else None
        return self._drops_unknown if owner is None else owner != self._upstream

    def finish(self, conversation: Conversation) -> None:
        """Send no `thinking` field if the last tool call must begin with thinking, and that was removed."""
        draft = self._draft
        thinking = draft.members("thinking") or {}
        if not self._signed or thinking.get("type") != "enabled":
            return
        for message in reversed(conversation):
            if not isinstance(message, Message):
                if bytes(message).startswith(USER):
                    continue
                return  # the assistant's last message was not changed
            if message.role == "assistant":
                if any(block.kind == "tool_use" for block in message.blocks) and not _starts_with_thinking(message):
                    drop_thinking(draft)
                    draft.changes.note("thinking:enabled>none")
                return


def requires_thinking(draft: Draft) -> bool:
    """Tell whether each message with a tool call must hold thinking."""
    return draft.constraints.traits.thinking_on_tool_turns and not draft.constraints.drops_all_thinking


def drop_foreign_thinking(draft: Draft) -> ThinkingBlocks | None:
    """Return the rule, unless the provider accepts all thinking that can be in this request."""
    constraints = draft.constraints
    needed = constraints.traits.checks_signatures or constraints.drops_unknown_thinking or requires_thinking(draft)
    return ThinkingBlocks(draft) if needed or draft.owner_of else None


def _has_text(block: Block) -> bool:
    return block.kind == "thinking" and bool(text_of(block.members, "thinking").strip())


def _starts_with_thinking(message: Message) -> bool:
    return bool(message.blocks) and message.blocks[0].kind in _KINDS


_PLACEHOLDER_INSERTED: Final = ChangeText(INSERTED, "a placeholder for thinking, if an earlier tool call has none")
OF_OTHERS: Final = f"{LEFT_OUT}: thinking from another provider"
"""True of every provider: only the one that made it accepts it."""


def _describe(traits: Traits, facts: ModelFacts) -> Iterator[ChangeText]:
    del facts
    if traits.thinking_on_tool_turns:
        yield _PLACEHOLDER_INSERTED
    yield ChangeText("", OF_OTHERS)


THINKING_BLOCKS: Final = AdaptationRule(
    name="thinking-blocks",
    records=MappingProxyType(
        {
            "thinking:foreign": (
                "Removes a thinking block that another provider made, or that has no signature if signatures are "
                "checked. It stays if its origin is unknown."
            ),
            "thinking:placeholder": (
                "DeepSeek and MiMo require thinking beside each tool call. They keep that of other providers, "
                "and get a placeholder line if there is none."
            ),
        }
    ),
    on_messages=drop_foreign_thinking,
    describe=_describe,
    rejections=MappingProxyType(
        {
            Kind.THINKING: ChangeText(LEFT_OUT, "thinking ({})"),
            ALL_THINKING: ChangeText(LEFT_OUT, "earlier thinking"),
            UNKNOWN_THINKING: ChangeText(LEFT_OUT, "thinking of unknown origin"),
            Rule(Kind.REQUIRES, THINKING_ON_TOOL_TURNS): _PLACEHOLDER_INSERTED,
        }
    ),
)
