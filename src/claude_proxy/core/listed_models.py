"""The models that `GET /v1/models` lists: the Claude tiers, and each provider's own models under ids that pin them.

`GET /v1/models/{id}` knows more names than those: every one that a request may name and that means something here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from claude_proxy.core.model_names import is_claude, strip_context_suffix, tier_of
from claude_proxy.core.routing import LONG_CONTEXT, MODEL_PREFIX, NoSuchProvider, Route, Routes, route, unpinned_route
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
        yield _unpinned(providers, routes, model, name)


def _unpinned(providers: tuple[Provider, ...], routes: Routes, model: str, name: str) -> ListedModel:
    description = _describe(unpinned_route(routes, providers, model))
    long = unpinned_route(routes, providers, model, lambda *_: True)
    if long.name == LONG_CONTEXT:
        description = f"{description}; over {routes.long_context_tokens} tokens {_describe(long)}"
    return ListedModel(model, name, description)


def _describe(route: Route) -> str:
    return ", then ".join(f"{candidate.model} at {candidate.provider.name}" for candidate in route.candidates)


def _own(providers: tuple[Provider, ...]) -> Iterator[ListedModel]:
    for provider in providers:
        for model in provider.own_models:
            yield _pinned(provider, model)


def _pinned(provider: Provider, model: str) -> ListedModel:
    name = f"{model} ({provider.name})"
    return ListedModel(f"{MODEL_PREFIX}{provider.name}/{model}", name, f"{provider.name} alone, no failover")


def one_model(
    providers: tuple[Provider, ...], pin: str | None, model: str, routes: Routes | None = None
) -> bytes | None:
    """Return one entry as JSON, under the id that is asked for; None if no request would name it to any use."""
    routes = routes or Routes()
    found = route(providers, pin, model, routes=routes)
    if isinstance(found, NoSuchProvider) or not (_is_claudes(model) or _has_own(found, model)):
        return None
    if found.pinned:
        entry = _pinned(found.candidates[0].provider, found.candidates[0].model)
    else:
        entry = _unpinned(providers, routes, model, CLAUDE_MODELS.get(strip_context_suffix(model), model))
    return msgspec.json.encode(msgspec.structs.replace(entry, id=model))


def _is_claudes(model: str) -> bool:
    return not model.startswith(MODEL_PREFIX) and (tier_of(model) != "" or is_claude(model))


def _has_own(found: Route, model: str) -> bool:
    """Tell whether a provider has a model, as far as its models are known."""
    for candidate in found.candidates:
        known = candidate.provider.own_models
        if candidate.model in known or (found.pinned and not known and model.startswith(MODEL_PREFIX)):
            return True
    return False
