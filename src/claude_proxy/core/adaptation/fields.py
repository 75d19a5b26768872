"""Top-level fields that a provider refuses, and dotted ones inside them: `output_config.effort`."""

from __future__ import annotations

from typing import Any

from claude_proxy.core.adaptation.draft import Draft


def without_refused_fields(draft: Draft) -> None:
    """Take out what the provider does not take."""
    for name in draft.terms.fields:
        top, *inner = name.split(".")
        if draft.raw(top) is None:
            continue
        if not inner:
            draft.drop(top)
            draft.changes.note(f"field:{name}")
        elif drop_inside(draft, top, inner):
            draft.changes.note(f"field:{name}")


def drop_inside(draft: Draft, top: str, inner: list[str]) -> bool:
    """Take a member out of a top-level object; of an object that it leaves empty nothing stays. Tell whether it was."""
    value = draft.members(top)
    if value is None or not _taken(value, inner):
        return False
    if value:
        draft.write(top, value)
    else:
        draft.drop(top)
    return True


def _taken(value: dict[str, Any], path: list[str]) -> bool:
    name, *deeper = path
    if name not in value:
        return False
    if deeper:
        inner = value[name]
        if not isinstance(inner, dict) or not _taken(inner, deeper):
            return False
        if inner:
            return True
    del value[name]
    return True
