"""Rules for headers: `anthropic-beta`, and the session's id for providers that want it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from claude_proxy.core.adaptation.draft import Draft
from claude_proxy.core.adaptation.rule import LEFT_OUT, AdaptationRule, ChangeText
from claude_proxy.core.headers import BETA, SESSION, find
from claude_proxy.core.traits import Kind, ModelFacts, Rule, Traits

_EVERY: Final = b"*"
"""Stands for all betas."""


def drop_betas(draft: Draft) -> None:
    """Remove the betas that the provider rejects. A header field that this leaves empty goes too."""
    rejected = draft.constraints.betas
    dropped = [beta for name, value in draft.headers if name == BETA for beta in _split(value, rejected)[1]]
    if not dropped:
        return
    fields = [(name, _split(value, rejected)[0] if name == BETA else value) for name, value in draft.headers]
    draft.headers = tuple([(name, value) for name, value in fields if value or name != BETA])
    for beta in dropped:
        draft.changes.note(f"beta:{beta}")


@lru_cache(maxsize=64)  # a client sends the same value with each request
def _split(value: bytes, rejected: frozenset[bytes]) -> tuple[bytes, tuple[str, ...]]:
    """Return a field's value without the rejected betas, and those that were dropped."""
    betas = [beta.strip() for beta in value.split(b",")]
    kept = [] if _EVERY in rejected else [beta for beta in betas if beta not in rejected]
    if len(kept) == len(betas):
        return value, ()
    dropped = betas if not kept else [beta for beta in betas if beta in rejected]
    return b",".join(kept), tuple([beta.decode("latin-1") for beta in dropped])


BETAS: Final = AdaptationRule(
    name="betas",
    records=MappingProxyType(
        {
            "beta:oauth-2025-04-20": "Removes a value from `anthropic-beta`.",
        }
    ),
    apply=drop_betas,
    rejections=MappingProxyType(
        {Kind.BETA: ChangeText(LEFT_OUT, "the beta {}"), Rule(Kind.BETA, "*"): ChangeText(LEFT_OUT, "every beta")}
    ),
)


def add_session_header(draft: Draft) -> None:
    """Send Claude Code's session id in the header by which the provider tells conversations apart."""
    name = draft.constraints.traits.session_header
    session = find(draft.request.headers, SESSION) if name else None
    if session is not None:
        draft.added_headers = ((name.encode(), session),)


def _describe_session(traits: Traits, facts: ModelFacts) -> Iterator[ChangeText]:
    del facts
    if traits.session_header:
        yield ChangeText("", f"the session's id sent along in {traits.session_header}")


SESSION_HEADER: Final = AdaptationRule(
    name="session-header",
    apply=add_session_header,
    describe=_describe_session,
)
