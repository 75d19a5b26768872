"""The `system` field: the rule for Claude Code's billing block, and how a notice for the model is added."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

import msgspec

from claude_proxy.core.adaptation.draft import Draft
from claude_proxy.core.adaptation.rule import LEFT_OUT, AdaptationRule, ChangeText
from claude_proxy.core.json_values import as_raw, read_members, try_decode
from claude_proxy.core.traits import ModelFacts, Traits

_BILLING: Final = "x-anthropic-billing-header"
_NEEDLE: Final = _BILLING.encode()
_FIRST_LINES: Final = re.compile(rf"\A(?:{_BILLING}[^\n]*+\n*+)+")


class _TextBlock(msgspec.Struct):
    text: str = ""


_text_block = msgspec.json.Decoder(_TextBlock)
_text_or_blocks = msgspec.json.Decoder(list[msgspec.Raw] | str)


def drop_billing_block(draft: Draft) -> None:
    """Remove the block that has a meaning for Anthropic only.

    It stands first and changes with each conversation or request: no other provider's prompt cache would ever hit.
    """
    raw = draft.raw("system")
    if draft.constraints.traits.is_anthropic or raw is None or raw.find(_NEEDLE) < 0:
        return
    system = try_decode(_text_or_blocks, raw)
    if system is None:
        return
    kept = _drop_first_lines(system) if isinstance(system, str) else _drop_from_blocks(system)
    if kept == system:
        return
    if kept:
        draft.write("system", kept)
    else:
        draft.drop("system")
    draft.changes.note("billing-block")


def _drop_first_lines(text: str) -> str:
    return _FIRST_LINES.sub("", text, count=1)


def _drop_from_blocks(blocks: list[msgspec.Raw]) -> list[msgspec.Raw]:
    return [kept for block in blocks if (kept := _drop_from_block(block)) is not None]


def _drop_from_block(raw: msgspec.Raw) -> msgspec.Raw | None:
    """Return a block as it came; if it begins with the header, only the text after that; None if there is none."""
    written = bytes(raw)
    block = (try_decode(_text_block, written) if _NEEDLE in written else None) or _TextBlock()
    text = _drop_first_lines(block.text)
    if text == block.text:
        return raw
    return as_raw({**(read_members(raw) or {}), "text": text}) if text else None


def append_notice(draft: Draft, text: str) -> None:
    """Add a text at the end of the system prompt."""
    raw = draft.raw("system")
    system = "" if raw is None else try_decode(_text_or_blocks, raw)
    if isinstance(system, str):
        draft.write("system", f"{system}\n\n{text}" if system else text)
    elif system is not None:
        draft.write("system", [*system, {"type": "text", "text": text}])


def _describe(traits: Traits, facts: ModelFacts) -> Iterator[ChangeText]:
    del facts
    if not traits.is_anthropic:
        yield ChangeText(LEFT_OUT, "Claude Code's billing block")


BILLING_BLOCK: Final = AdaptationRule(
    name="billing-block",
    records=MappingProxyType(
        {
            "billing-block": (
                "Removes Claude Code's `x-anthropic-billing-header` from the system prompt. Only Anthropic gets "
                "it. For others it means nothing, and as the first block it would spoil their prompt cache."
            ),
        }
    ),
    apply=drop_billing_block,
    describe=_describe,
)
