"""Which providers may answer a request: by the pin in its path, the model that it names, and the user's own routes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, TypeAlias

import msgspec

from claude_proxy.core.client_hints import REQUEST_CLASSES
from claude_proxy.core.model_names import is_claude, most_able, strip_context_suffix, tier_of
from claude_proxy.core.traits import ModelFacts, known_of
from claude_proxy.core.types import Provider, UpstreamModel

MODEL_PREFIX: Final = "claude-proxy/"
"""A model named `claude-proxy/<provider>/<model>` pins both. Claude Code's picker shows only ids with "claude"."""

LONG_CONTEXT: Final = "long_context"
"""The name of the user's route for long requests."""

ROUTED_CLASSES: Final = tuple(name for name in REQUEST_CLASSES if name != "main")
"""The request classes that can have a route. The others are served as any client's requests are."""

_PINNED_MODEL: Final = re.compile(MODEL_PREFIX + r"([^/]+)/(.+)")
_NO_FACTS: Final = ModelFacts()
_ABLE: Final = frozenset({"fable", "opus"})
"""Tiers whose route suits a Claude model of an unknown family."""
_UNMAPPED: Final = frozenset({"", "fable"})
"""If these are not mapped, the most able tier that is mapped stands in: the user has named nothing better."""

CandidateKey: TypeAlias = tuple[str, str]
"""The names of a provider and of its model."""


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """A provider that may answer, and its own name for the model to ask for."""

    provider: Provider
    model: str

    @property
    def facts(self) -> ModelFacts:
        """What is known of the model."""
        return known_of(self.provider.facts, self.model) or _NO_FACTS

    @property
    def key(self) -> CandidateKey:
        """What identifies it, even if the configuration was reloaded since."""
        return self.provider.name, self.model

    @property
    def upstream_model(self) -> UpstreamModel:
        """What it shares with candidates that differ only in the key."""
        return self.provider.upstream, self.model


class RouteEntry(msgspec.Struct, frozen=True, gc=False):
    """An entry of one of the user's routes: `provider` or `provider/model`."""

    provider: str
    model: str | None = None
    """The provider's own name for it; None: as the provider maps the requested one."""


@dataclass(frozen=True, slots=True)
class Routes:
    """The user's own routes. A request that none of them covers goes to the providers in their order."""

    by_tier: Mapping[str, tuple[RouteEntry, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """By the tier in the requested model's name; `default` is for names without a tier.

    Without it, the route of the most able tier is for Claude models of an unknown family, which are rather new.
    """
    long_context: tuple[RouteEntry, ...] = ()
    """For requests of more than `long_context_tokens`, whatever their tier."""
    long_context_tokens: int = 200_000
    by_class: Mapping[str, tuple[RouteEntry, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """By what a request is made for, one of `ROUTED_CLASSES`, whatever its tier and length.

    What a request is for says most: a summary of a conversation is long, and of any tier. But it has to fit.
    """


_NO_ROUTES: Final = Routes()


class Route(msgspec.Struct, frozen=True, gc=False):
    """The candidates in the order in which they are asked. Pinned: one candidate, and no failover."""

    candidates: tuple[Candidate, ...]
    pinned: bool = False
    name: str = ""
    """Which of the user's routes: a tier, a request class or `long_context`; empty: the order of the providers."""
    first_choice: Candidate | None = None
    """The candidate to ask first if no other one had taken the session over; None until that is decided."""
    too_small: tuple[Candidate, ...] = ()
    """Candidates that are skipped, since the request does not fit into their context windows."""
    overlong: tuple[int, int] | None = None
    """Of these, the one with the largest window: the request's tokens as it would count them, and its window."""
    over_budget: tuple[Candidate, ...] = ()
    """Candidates that are passed over, since a budget is used up."""


class NoSuchProvider(msgspec.Struct, frozen=True, gc=False):
    """The request names a provider that does not exist; `message` lists those that do."""

    message: str


Exceeds: TypeAlias = Callable[[Candidate, int], bool]
"""Tells whether a request has more than so many tokens, as a candidate would count them."""


def route(
    providers: tuple[Provider, ...],
    pin: str | None,
    model: str,
    keyless: Mapping[str, str] | None = None,
    routes: Routes = _NO_ROUTES,
    exceeds: Exceeds = lambda *_: False,
    *,
    request_class: str = "",
) -> Route | NoSuchProvider:
    """Return the route of a request. `keyless`: the variable that each provider without a key lacks."""
    pinned_model = _PINNED_MODEL.fullmatch(model)
    if pinned_model:
        pin, model = pinned_model.groups()
    if pin is None:
        return unpinned_route(routes, providers, model, exceeds, request_class=request_class)
    pinned = next((provider for provider in providers if provider.name == pin), None)
    if pinned is None:
        return NoSuchProvider(_no_such_provider(providers, pin, keyless or {}))
    own_model = strip_context_suffix(model) if pinned_model else model_for(pinned, model)
    return Route((Candidate(pinned, own_model),), pinned=True)


def unpinned_route(
    routes: Routes,
    providers: tuple[Provider, ...],
    model: str,
    exceeds: Exceeds = lambda *_: False,
    *,
    request_class: str = "",
) -> Route:
    """Return the user's route for a request, or the order of the providers.

    A route of the user's without any existing provider is ignored, and so is one for a class that lacks the room.
    """
    if request_class in routes.by_class:
        candidates = _candidates(routes.by_class[request_class], providers, model)
        if any(each.facts.context is None or not exceeds(each, each.facts.context) for each in candidates):
            return Route(candidates, name=request_class)
    tier = tier_of(model) or "default"
    if tier == "default" and tier not in routes.by_tier and is_claude(model):
        tier = most_able(routes.by_tier.keys() & _ABLE) or tier
    candidates = _candidates(routes.by_tier.get(tier, ()), providers, model)
    default = Route(candidates, name=tier) if candidates else Route(_all_candidates(providers, model))
    if routes.long_context and exceeds(default.candidates[0], routes.long_context_tokens):
        candidates = _candidates(routes.long_context, providers, model)
        return Route(candidates, name=LONG_CONTEXT) if candidates else default
    return default


def _all_candidates(providers: tuple[Provider, ...], model: str) -> tuple[Candidate, ...]:
    return tuple([Candidate(provider, model_for(provider, model)) for provider in providers])


def _candidates(entries: tuple[RouteEntry, ...], providers: tuple[Provider, ...], model: str) -> tuple[Candidate, ...]:
    """Return the candidates of a route, each once, without providers that lack a key or do not exist."""
    by_name = {provider.name: provider for provider in providers}
    existing = [(by_name[entry.provider], entry.model) for entry in entries if entry.provider in by_name]
    candidates = [Candidate(provider, own_model or model_for(provider, model)) for provider, own_model in existing]
    return tuple({candidate.key: candidate for candidate in candidates}.values())


def _no_such_provider(providers: tuple[Provider, ...], pin: str, keyless: Mapping[str, str]) -> str:
    names = ", ".join(provider.name for provider in providers)
    if pin in keyless:
        return f"provider {pin} has no key: set {keyless[pin]} in .env (providers that have one: {names})"
    return f"no provider is named {pin[:64]!r}. Choose one of: {names}"


def model_for(provider: Provider, model: str) -> str:
    """Return the provider's name for a model.

    A Claude name is mapped by the tier in it; one of an unknown family as `default`, or else as the most able tier that
    is mapped. A name that the provider has itself, or that no mapping covers, goes through unchanged, but for `[1m]` at
    its end.
    """
    model = strip_context_suffix(model)
    models, tier = provider.models, tier_of(model)
    if tier in models:
        return models[tier]
    if model in provider.own_models:
        return model
    if "default" not in models and tier in _UNMAPPED and is_claude(model):
        return models.get(most_able(models), model)
    return models.get("default", model)
