"""The rule for top-level fields that a provider rejects, and for dotted ones inside them: `output_config.effort`."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from claude_proxy.core.adaptation.draft import Draft
from claude_proxy.core.adaptation.rule import LEFT_OUT, AdaptationRule, ChangeText
from claude_proxy.core.traits import Kind


def drop_fields(draft: Draft) -> None:
    """Remove the fields that the provider rejects."""
    for name in draft.constraints.fields:
        top, *inner = name.split(".")
        if draft.raw(top) is None:
            continue
        if not inner:
            draft.drop(top)
            draft.changes.note(f"field:{name}")
        elif draft.drop_member(top, inner):
            draft.changes.note(f"field:{name}")


FIELDS: Final = AdaptationRule(
    name="fields",
    records=MappingProxyType(
        {
            "field:temperature": "Removes a field of the request.",
        }
    ),
    apply=drop_fields,
    rejections=MappingProxyType({Kind.FIELD: ChangeText(LEFT_OUT, "{}")}),
)
