"""Marks for the prompt cache on blocks and tools, where a provider refuses them, or a part of them such as `scope`."""

from __future__ import annotations

from typing import Final

import msgspec

from claude_proxy.core.adaptation.draft import Draft
from claude_proxy.core.adaptation.message_blocks import Members, as_raw, listed, read_members

MARK: Final = "cache_control"
_NEEDLE: Final = b'"cache_control"'
_MAX_DEPTH: Final = 4
"""A mark on a block in a tool's result in a message."""


def without_refused_marks(draft: Draft) -> None:
    """Take refused marks off the blocks of `system` and `messages`, and off `tools`."""
    if not draft.terms.marks:
        return
    for name in ("system", "tools", "messages"):
        unmarked = _unmarked(msgspec.Raw(draft.raw(name) or b""), draft, _MAX_DEPTH)
        if unmarked is not None:
            draft.write(name, unmarked)


def _unmarked(value: msgspec.Raw, draft: Draft, deeper: int) -> msgspec.Raw | None:
    """Return a list without the refused marks of its items and of their contents; None where it has none."""
    items = listed(value) if deeper and _NEEDLE in bytes(value) else None
    if items is None:
        return None
    new = [_plain(item, draft, deeper) for item in items]
    return as_raw(new) if any(one is not item for one, item in zip(new, items, strict=True)) else None


def _plain(item: msgspec.Raw, draft: Draft, deeper: int) -> msgspec.Raw:
    members = read_members(item) if _NEEDLE in bytes(item) else None
    if members is None:
        return item
    content = _unmarked(members.get("content", msgspec.Raw(b"")), draft, deeper - 1)
    kept = {**members, "content": content} if content is not None else members
    kept = _without_mark(kept, draft) if MARK in members else kept
    return item if kept is members else as_raw(kept)


def _without_mark(members: Members, draft: Draft) -> Members:
    refused = draft.terms.marks
    mark = read_members(members[MARK]) or {}
    kept = {name: value for name, value in mark.items() if f"{MARK}.{name}" not in refused}
    if MARK in refused:
        draft.changes.note(f"mark:{MARK}")
        return {name: value for name, value in members.items() if name != MARK}
    if len(kept) == len(mark):
        return members
    for name in mark.keys() - kept.keys():
        draft.changes.note(f"mark:{MARK}.{name}")
    return {**members, MARK: as_raw(kept)}
