"""The rule for `cache_control` marks on blocks and tools, if a provider rejects them or a part of them (`scope`)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import msgspec

from claude_proxy.core.adaptation.draft import Draft
from claude_proxy.core.adaptation.rule import LEFT_OUT, AdaptationRule, ChangeText
from claude_proxy.core.json_values import Members, as_raw, read_items, read_members
from claude_proxy.core.traits import Kind

MARK: Final = "cache_control"
_NEEDLE: Final = b'"cache_control"'
_MAX_DEPTH: Final = 4
"""Enough for a mark on a block in a tool's result in a message."""


def drop_cache_control(draft: Draft) -> None:
    """Remove rejected marks from the blocks of `system` and `messages`, and from `tools`."""
    if not draft.constraints.marks:
        return
    for name in ("system", "tools", "messages"):
        unmarked = _unmark_list(msgspec.Raw(draft.raw(name) or b""), draft, _MAX_DEPTH)
        if unmarked is not None:
            draft.write(name, unmarked)


def _unmark_list(value: msgspec.Raw, draft: Draft, depth: int) -> msgspec.Raw | None:
    """Return a list without the rejected marks of its items and of their contents; None if it has none."""
    items = read_items(value) if depth and _NEEDLE in bytes(value) else None
    if items is None:
        return None
    unmarked = [_unmark_item(item, draft, depth) for item in items]
    return as_raw(unmarked) if any(new is not old for new, old in zip(unmarked, items, strict=True)) else None


def _unmark_item(item: msgspec.Raw, draft: Draft, depth: int) -> msgspec.Raw:
    members = read_members(item) if _NEEDLE in bytes(item) else None
    if members is None:
        return item
    content = _unmark_list(members.get("content", msgspec.Raw(b"")), draft, depth - 1)
    kept = {**members, "content": content} if content is not None else members
    kept = _drop_mark(kept, draft) if MARK in members else kept
    return item if kept is members else as_raw(kept)


def _drop_mark(members: Members, draft: Draft) -> Members:
    rejected = draft.constraints.marks
    mark = read_members(members[MARK]) or {}
    kept = {name: value for name, value in mark.items() if f"{MARK}.{name}" not in rejected}
    if MARK in rejected:
        draft.changes.note(f"mark:{MARK}")
        return {name: value for name, value in members.items() if name != MARK}
    if len(kept) == len(mark):
        return members
    for name in mark.keys() - kept.keys():
        draft.changes.note(f"mark:{MARK}.{name}")
    return {**members, MARK: as_raw(kept)}


CACHE_CONTROL: Final = AdaptationRule(
    name="cache-control",
    records=MappingProxyType(
        {
            "mark:cache_control.scope": "Removes a prompt cache mark, or a part of it, from each block and tool.",
        }
    ),
    apply=drop_cache_control,
    rejections=MappingProxyType({Kind.MARK: ChangeText(LEFT_OUT, "{} of blocks and tools")}),
)
