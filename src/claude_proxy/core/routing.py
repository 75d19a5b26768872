"""Which providers may answer a request: from the pin in its path, the model it names, and the user's own routes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, TypeAlias

from claude_proxy.core.traits import ModelFacts, known_of
from claude_proxy.core.types import TIERS, Provider, UpstreamModel

MODEL_PREFIX: Final = "claude-proxy/"
"""A model named `claude-proxy/<provider>/<model>` pins both. Claude Code's picker keeps only ids with "claude"."""


_PINNING: Final = re.compile(MODEL_PREFIX + r"([^/]+)/(.+)")


_NOTHING_KNOWN: Final = ModelFacts()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A provider that may answer, and its own name for the model that it is asked for."""

    provider: Provider
    model: str

    @property
    def facts(self) -> ModelFacts:
        """What is known of the model."""
        return known_of(self.provider.facts, self.model) or _NOTHING_KNOWN

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from all others, whichever configuration it comes from: the names of provider and model."""
        return self.provider.name, self.model

    @property
    def upstream_model(self) -> UpstreamModel:
        """What it shares with candidates that differ in the key alone."""
        return self.provider.upstream, self.model


@dataclass(frozen=True, slots=True)
class Stop:
    """One place of a route that the user wrote: `provider` or `provider/model`."""

    provider: str
    model: str | None = None
    """The provider's own name for it; None: as its mapping says."""


@dataclass(frozen=True, slots=True)
class Routes:
    """Orders of their own that the user wrote; where there is none, the order of the providers holds."""

    by_tier: Mapping[str, tuple[Stop, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """By the tier in the requested model's name; `default` is for names without one."""
    long_context: tuple[Stop, ...] = ()
    """For requests of more than `long_context_tokens`, whichever their tier."""
    long_context_tokens: int = 200_000


_NO_ROUTES: Final = Routes()


LONG_CONTEXT: Final = "long_context"


@dataclass(frozen=True, slots=True)
class Route:
    """The candidates in the order in which they are asked. Pinned: one candidate, and no failover."""

    candidates: tuple[Candidate, ...]
    pinned: bool = False
    rule: str = ""
    """Which of the user's own orders it is, a tier or `long_context`; empty: the order of the providers."""
    first_choice: Candidate | None = None
    """Who would be asked first if no other held the session; None where nobody chose yet."""
    too_small: tuple[Candidate, ...] = ()
    """Those that are passed over, since the request does not fit into their windows."""
    overlong: tuple[int, int] | None = None
    """What the request is to the one with the largest window among those, and that window, in tokens."""


@dataclass(frozen=True, slots=True)
class NoSuchProvider:
    """The request names a provider that is not there; `message` lists those that are."""

    message: str


Exceeds: TypeAlias = Callable[[Candidate, int], bool]
"""Tells whether a request is more than so many tokens to a candidate."""


def route(
    providers: tuple[Provider, ...],
    pin: str | None,
    model: str,
    keyless: Mapping[str, str] | None = None,
    routes: Routes = _NO_ROUTES,
    exceeds: Exceeds = lambda *_: False,
) -> Route | NoSuchProvider:
    """Return the route of a request; `keyless` maps providers that lack a key to the variable they wait for."""
    pinning = _PINNING.fullmatch(model)
    if pinning:
        pin, model = pinning.groups()
    if pin is None:
        return along(routes, providers, model, exceeds)
    found = tuple(provider for provider in providers if provider.name == pin)
    if not found:
        return NoSuchProvider(_unknown(providers, pin, keyless or {}))
    own = strip_context_suffix(model) if pinning else model_for(found[0], model)
    return Route((Candidate(found[0], own),), pinned=True)


def along(routes: Routes, providers: tuple[Provider, ...], model: str, exceeds: Exceeds = lambda *_: False) -> Route:
    """Return the user's own order for a request. One of which no provider is there gives way to the next."""
    tier = tier_of(model) or "default"
    candidates = _stops(routes.by_tier.get(tier, ()), providers, model)
    usual = Route(candidates, rule=tier) if candidates else Route(_all(providers, model))
    if routes.long_context and exceeds(usual.candidates[0], routes.long_context_tokens):
        candidates = _stops(routes.long_context, providers, model)
        return Route(candidates, rule=LONG_CONTEXT) if candidates else usual
    return usual


def _all(providers: tuple[Provider, ...], model: str) -> tuple[Candidate, ...]:
    return tuple([Candidate(provider, model_for(provider, model)) for provider in providers])


def _stops(stops: tuple[Stop, ...], providers: tuple[Provider, ...], model: str) -> tuple[Candidate, ...]:
    """Return the candidates of an order, each once. Who has no key, or is not there, is left out."""
    by_name = {provider.name: provider for provider in providers}
    there = ((by_name[stop.provider], stop.model) for stop in stops if stop.provider in by_name)
    candidates = [Candidate(provider, own or model_for(provider, model)) for provider, own in there]
    return tuple({candidate.key: candidate for candidate in candidates}.values())


def _unknown(providers: tuple[Provider, ...], pin: str, keyless: Mapping[str, str]) -> str:
    names = ", ".join(provider.name for provider in providers)
    if pin in keyless:
        return f"provider {pin} has no key: set {keyless[pin]} in .env (providers that have one: {names})"
    return f"no provider is named {pin[:64]!r}; there are: {names}"


def model_for(provider: Provider, model: str) -> str:
    """Return the provider's name for a model.

    A Claude name is mapped by the tier in it. A name that the provider has itself, or that no mapping covers, goes
    through unchanged, but for `[1m]` at its end.
    """
    model = strip_context_suffix(model)
    tier = tier_of(model)
    if tier in provider.models:
        return provider.models[tier]
    if model in provider.own_models:
        return model
    return provider.models.get("default", model)


def strip_context_suffix(model: str) -> str:
    """Return a model's name without `[1m]` or `[1M]` at its end.

    The suffix tells Claude Code to use a long context, and stands in providers' own instructions. No provider knows it.
    """
    return model[:-4] if model.lower().endswith("[1m]") else model


def tier_of(model: str) -> str:
    """Return the tier that a Claude model's name holds (`claude-opus-5-5`, or just `opus`), else an empty text."""
    name = model.lower()
    for tier in TIERS:
        if name == tier or (tier in name and "claude" in name):
            return tier
    return ""
