"""Thinking of others: a provider takes back its own and refuses, or does not understand, what another one signed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

from claude_proxy.core.adaptation.changes import Changes
from claude_proxy.core.adaptation.constraints import Constraints
from claude_proxy.core.adaptation.message_blocks import Block, Message, text_of
from claude_proxy.core.types import Upstream

OwnerOf: TypeAlias = Callable[[str], Upstream | None]
"""Tells the upstream that made a thinking signature; None if that is not known."""

_NEEDLE: Final = b'thinking"'
"""Stands in the type of both kinds of thinking blocks."""

_KINDS: Final = ("thinking", "redacted_thinking")
_ONE_BLOCK: Final = 2
"""How often the needle stands in a block: it names its type, and has a member of that name."""

_THOUGHT_FIRST: Final = re.compile(rb'\{"role":"assistant","content":\[\{"type":"thinking","thinking":"[^"\\\s]')
_TOOL_NEEDLE: Final = b'"tool_use"'
_SIGNATURE: Final = b'"signature":"'

NOTHING_LEFT: Final = "[no text]"
"""What an assistant said where it had only thought: a message must not be empty."""

PLACEHOLDER: Final = "[These thoughts were another model's and were not kept.]"
"""What a provider gets that demands thinking beside each tool call and takes anyone's."""


class Thoughts:
    """The rule for thinking blocks, for one candidate."""

    __slots__ = ("_changes", "_demanded", "_origin_of", "_terms", "_unsigned", "idle")

    def __init__(self, terms: Constraints, owner_of: OwnerOf | None, changes: Changes) -> None:
        self._terms = terms
        self._demanded = terms.traits.thinking_on_tool_turns and not terms.drops_all
        self._origin_of = owner_of
        self._unsigned = terms.traits.checks_signatures
        self.idle = not (owner_of or self._unsigned or self._demanded or terms.drops_unknown)
        """Whether all thinking stays, so that no message has to be looked at."""
        self._changes = changes

    def concern(self, message: bytes) -> bool:
        """Tell, by its bytes, whether an assistant's message may have to be changed."""
        if self.idle:
            return False
        named = message.count(_NEEDLE)
        if self._demanded and _TOOL_NEEDLE in message:
            return named != _ONE_BLOCK or not _THOUGHT_FIRST.match(message)
        return named > 0 and (self._terms.drops_unknown or not self._all_are_plainly_welcome(message, named))

    def _all_are_plainly_welcome(self, message: bytes, named: int) -> bool:
        """Tell whether each thinking block is signed by one whose thinking stays. In doubt, it is not so."""
        end = signed = 0
        while (found := message.find(_SIGNATURE, end)) >= 0:
            start = found + len(_SIGNATURE)
            end = message.find(b'"', start)
            signature = message[start:end]
            if b"\\" in signature or self._is_unwelcome(signature.decode(errors="replace")):
                return False
            signed += 1
        return named == _ONE_BLOCK * signed

    def apply(self, message: Message) -> None:
        """Take unwelcome thinking out of an assistant's message."""
        demanded = self._demanded and any(one.kind == "tool_use" for one in message.blocks)
        kept = [block for block in message.blocks if self._stays(block, demanded=demanded)]
        gone = len(message.blocks) - len(kept)
        if gone:
            self._changes.note("thinking:foreign", gone)
        if demanded and not any(map(_has_text, kept)):
            kept.insert(0, Block.made({"type": "thinking", "thinking": PLACEHOLDER, "signature": ""}, "thinking"))
            self._changes.note("thinking:placeholder")
        elif not gone:
            return
        message.put(kept or [Block.text(NOTHING_LEFT)])

    def _stays(self, block: Block, *, demanded: bool) -> bool:
        if block.kind not in _KINDS or (demanded and _has_text(block)):
            return True
        if self._terms.drops_all:
            return False
        signature = text_of(block.members, "signature" if block.kind == "thinking" else "data")
        return not self._is_unwelcome(signature)

    def _is_unwelcome(self, signature: str) -> bool:
        if not signature and self._unsigned:
            return True
        origin = self._origin_of(signature) if self._origin_of else None
        return self._terms.drops_unknown if origin is None else origin != self._terms.upstream


def _has_text(block: Block) -> bool:
    return block.kind == "thinking" and bool(text_of(block.members, "thinking").strip())


def leads_with_thinking(message: Message) -> bool:
    """Tell whether a message begins with thinking."""
    return bool(message.blocks) and message.blocks[0].kind in _KINDS
