"""The names of models, as Claude Code and its user write them."""

from __future__ import annotations

TIERS = ("opus", "sonnet", "haiku", "fable")
"""The families of Claude models; the one in a model's name says how capable a model the client asks for."""


def strip_context_suffix(model: str) -> str:
    """Return a model's name without `[1m]` or `[1M]` at its end.

    The suffix tells Claude Code to use a long context, and stands in providers' own instructions. No provider knows it.
    """
    return model[:-4] if model.lower().endswith("[1m]") else model


def tier_of(model: str) -> str:
    """Return the tier in a Claude model's name (`claude-opus-5-5`, or just `opus`), else an empty text.

    `[1m]` at the end of the name makes no difference.
    """
    name = strip_context_suffix(model).lower()
    for tier in TIERS:
        if name == tier or (tier in name and "claude" in name):
            return tier
    return ""
