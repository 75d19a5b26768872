"""The names of models, as Claude Code and its user write them."""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Final

TIERS = ("opus", "sonnet", "haiku", "fable")
"""The families of Claude models; the one in a model's name says how capable a model the client asks for."""

_FAMILIES: Final = {**{tier: tier for tier in TIERS}, "mythos": "fable"}
"""The tier of each known family; Claude Code ranks Mythos as it does Fable."""

_MOST_ABLE_FIRST: Final = ("fable", "opus", "sonnet", "haiku")
_CLAUDE: Final = re.compile(r"(?:^|[/.])claude-(?!proxy\b)", re.IGNORECASE)
"""`claude-…`, also behind the name of a vendor or a region."""


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
    for family, tier in _FAMILIES.items():
        if name == family or (family in name and "claude" in name):
            return tier
    return ""


def is_claude(model: str) -> bool:
    """Tell whether this is the name of a Claude model, of a known family or of another."""
    return _CLAUDE.search(model) is not None


def most_able(tiers: Container[str]) -> str:
    """Return the tier of the most able models among these, else an empty text."""
    return next((tier for tier in _MOST_ABLE_FIRST if tier in tiers), "")
