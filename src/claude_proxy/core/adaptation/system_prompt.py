"""The `system` field: Claude Code's billing block, and a word about tools that were taken out."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from claude_proxy.core.adaptation.draft import Draft
from claude_proxy.core.adaptation.message_blocks import as_raw, read_members
from claude_proxy.core.json_values import try_decode

_BILLING: Final = "x-anthropic-billing-header"
_NEEDLE: Final = _BILLING.encode()
_FIRST_LINES: Final = re.compile(rf"\A(?:{_BILLING}[^\n]*\n*)+")


class _TextBlock(msgspec.Struct):
    text: str = ""


_text_block = msgspec.json.Decoder(_TextBlock)
_text_or_blocks = msgspec.json.Decoder(list[msgspec.Raw] | str)


def without_billing_block(draft: Draft) -> None:
    """Take out the block that means something to Anthropic alone.

    It stands first and changes with each conversation or request: with it, no other provider's cache would serve.
    """
    raw = draft.raw("system")
    if draft.terms.traits.is_anthropic or raw is None or _NEEDLE not in raw:
        return
    system = try_decode(_text_or_blocks, raw)
    if system is None:
        return
    kept = _without_first_lines(system) if isinstance(system, str) else _without_blocks(system)
    if kept == system:
        return
    if kept:
        draft.write("system", kept)
    else:
        draft.drop("system")
    draft.changes.note("billing-block")


def _without_first_lines(text: str) -> str:
    return _FIRST_LINES.sub("", text, count=1)


def _without_blocks(blocks: list[msgspec.Raw]) -> list[msgspec.Raw]:
    return [kept for one in blocks if (kept := _unbilled(one)) is not None]


def _unbilled(raw: msgspec.Raw) -> msgspec.Raw | None:
    """Return a block as it came; only what follows, where it begins with the header; None where nothing follows."""
    written = bytes(raw)
    block = (try_decode(_text_block, written) if _NEEDLE in written else None) or _TextBlock()
    text = _without_first_lines(block.text)
    if text == block.text:
        return raw
    return as_raw({**(read_members(raw) or {}), "text": text}) if text else None


def with_a_word(draft: Draft, text: str) -> None:
    """Add a text at the end of the system prompt."""
    raw = draft.raw("system")
    system = "" if raw is None else try_decode(_text_or_blocks, raw)
    if isinstance(system, str):
        draft.write("system", f"{system}\n\n{text}" if system else text)
    elif system is not None:
        draft.write("system", [*system, {"type": "text", "text": text}])
