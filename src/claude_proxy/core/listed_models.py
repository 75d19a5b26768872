"""The models that `GET /v1/models` lists: the Claude tiers, and each provider's own models under ids that pin them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from claude_proxy.core.routing import LONG_CONTEXT, MODEL_PREFIX, Route, Routes, unpinned_route
from claude_proxy.core.types import Provider

CLAUDE_MODELS: Final = {
    "claude-opus-5-5": "Claude Opus 5.5",
    "claude-sonnet-5-5": "Claude Sonnet 5.5",
    "claude-haiku-5-5": "Claude Haiku 5.5",
    "claude-fable-5-1": "Claude Fable 5.1",
}
"""The newest of each tier, as of 2026-11."""

_CREATED: Final = "2026-11-22T00:00:00Z"
"""The API demands a date. The entries have no other one than that of this list."""


class ListedModel(msgspec.Struct, frozen=True, tag="model"):
    """An entry, with Anthropic's own field names. Claude Code's picker shows those with "claude" in their ids."""

    id: str
    display_name: str
    description: str
    created_at: str = _CREATED


def listed_models(providers: tuple[Provider, ...], routes: Routes | None = None) -> bytes:
    """Return the list as JSON, in the API's form. It has only one page."""
    models = [*_claude(providers, routes or Routes()), *_own(providers)]
    return msgspec.json.encode({"data": models, "has_more": False, "first_id": models[0].id, "last_id": models[-1].id})


def _claude(providers: tuple[Provider, ...], routes: Routes) -> Iterator[ListedModel]:
    for model, name in CLAUDE_MODELS.items():
        description = _describe(unpinned_route(routes, providers, model))
        long = unpinned_route(routes, providers, model, lambda *_: True)
        if long.name == LONG_CONTEXT:
            description = f"{description}; over {routes.long_context_tokens} tokens {_describe(long)}"
        yield ListedModel(model, name, description)


def _describe(route: Route) -> str:
    return ", then ".join(f"{candidate.model} at {candidate.provider.name}" for candidate in route.candidates)


def _own(providers: tuple[Provider, ...]) -> Iterator[ListedModel]:
    for provider in providers:
        for model in provider.own_models:
            name = f"{model} ({provider.name})"
            yield ListedModel(f"{MODEL_PREFIX}{provider.name}/{model}", name, f"{provider.name} alone, no failover")
