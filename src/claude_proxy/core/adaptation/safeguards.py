"""The rule for Claude Code's auto mode, which asks Anthropic to check tool calls.

For that it sends where the user works, their home folder, the state of git and their permission rules. No other
provider has that check, so none needs to know.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from claude_proxy.core.adaptation.draft import Draft
from claude_proxy.core.adaptation.rule import LEFT_OUT, AdaptationRule, ChangeText
from claude_proxy.core.headers import BETA
from claude_proxy.core.traits import ModelFacts, Traits

_FIELD: Final = "safeguards"
_BETAS: Final = (b"dangerous-tool-use-", b"afk-mode-")
"""How the betas of auto mode begin; a date follows."""


def keep_private(draft: Draft) -> None:
    """Remove what only Anthropic has a use for."""
    if draft.constraints.traits.is_anthropic:
        return
    fields = [(name, _without_betas(value) if name == BETA else value) for name, value in draft.headers]
    headers = tuple([(name, value) for name, value in fields if value or name != BETA])
    has_field = draft.raw(_FIELD) is not None
    if has_field:
        draft.drop(_FIELD)
    if has_field or headers != draft.headers:
        draft.headers = headers
        draft.changes.note(_FIELD)


@lru_cache(maxsize=64)  # a client sends the same value with each request
def _without_betas(value: bytes) -> bytes:
    betas = value.split(b",")
    kept = [beta for beta in betas if not beta.strip().startswith(_BETAS)]
    return value if len(kept) == len(betas) else b",".join(kept)


def _describe(traits: Traits, facts: ModelFacts) -> Iterator[ChangeText]:
    del facts
    if not traits.is_anthropic:
        yield ChangeText(LEFT_OUT, "auto mode's safeguards")


SAFEGUARDS: Final = AdaptationRule(
    name="safeguards",
    records=MappingProxyType(
        {
            "safeguards": (
                "Removes `safeguards` and its betas, with which Claude Code's auto mode asks Anthropic to check tool "
                "calls. They hold folders, the state of git and permission rules, which only Anthropic gets."
            ),
        }
    ),
    apply=keep_private,
    describe=_describe,
)
