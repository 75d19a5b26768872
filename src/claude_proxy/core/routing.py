"""Which providers may answer a request, in which order: from the pin in its path and the model it names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from claude_proxy.core.model import Provider

MODEL_PREFIX: Final = "claude-proxy/"
"""A model named `claude-proxy/<provider>/<model>` pins both. Claude Code's picker keeps only ids with "claude"."""


_PINNING: Final = re.compile(MODEL_PREFIX + r"([^/]+)/(.+)")


@dataclass(frozen=True, slots=True)
class Route:
    """The candidates in the order in which they are asked. Pinned: one candidate, and no failover."""

    candidates: tuple[Provider, ...]
    model: str
    pinned: bool = False
    model_pinned: bool = False
    """The model's name is the provider's own and goes on as it is."""


@dataclass(frozen=True, slots=True)
class NoSuchProvider:
    """The request names a provider that is not there; `message` lists those that are."""

    message: str


def route(
    providers: tuple[Provider, ...], pin: str | None, model: str, keyless: Mapping[str, str] | None = None
) -> Route | NoSuchProvider:
    """Return the route of a request; `keyless` maps providers that lack a key to the variable they wait for."""
    pinning = _PINNING.fullmatch(model)
    if pinning:
        pin, model = pinning.groups()
    if pin is None:
        return Route(providers, model)
    found = tuple(provider for provider in providers if provider.name == pin)
    if not found:
        return NoSuchProvider(_unknown(providers, pin, keyless or {}))
    return Route(found, model, pinned=True, model_pinned=pinning is not None)


def _unknown(providers: tuple[Provider, ...], pin: str, keyless: Mapping[str, str]) -> str:
    names = ", ".join(provider.name for provider in providers)
    if pin in keyless:
        return f"provider {pin} has no key: set {keyless[pin]} in .env (providers that have one: {names})"
    return f"no provider is named {pin[:64]!r}; there are: {names}"
