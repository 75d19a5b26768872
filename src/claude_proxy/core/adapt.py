"""A client's request made into the one that a provider gets: its address, its key, its name for the model."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from claude_proxy.core import headers
from claude_proxy.core.model import TIERS, Provider
from claude_proxy.core.request import MessagesRequest, spliced
from claude_proxy.core.routing import Route


@dataclass(frozen=True, slots=True)
class Adapted:
    """A request ready for the wire: `head` is the request line with all headers, the blank line included."""

    head: bytes = field(repr=False)
    body: bytes = field(repr=False)
    model: str


def adapt(request: MessagesRequest, route: Route, provider: Provider) -> Adapted:
    """Return what `provider` gets. Only the model's name is written anew, and only where it changes."""
    model = _plain(route.model) if route.model_pinned else model_for(provider, route.model)
    body = request.body
    if model != request.model:
        body = spliced(request, {"model": msgspec.json.encode(model)})
    return Adapted(
        _request_line(request, provider) + headers.for_provider(request.headers, provider, len(body)), body, model
    )


def _request_line(request: MessagesRequest, provider: Provider) -> bytes:
    base_path = provider.base_url.split("://", 1)[1].partition("/")[2]
    target = (f"/{base_path}" if base_path else "") + request.path
    query = b"?" + request.query if request.query else b""
    return b"POST %b%b HTTP/1.1\r\n" % (target.encode(), query)


def model_for(provider: Provider, model: str) -> str:
    """Return the provider's name for a model.

    A Claude name is mapped by the tier in it; `[1m]`, which tells Claude Code alone of a long context, is taken off.
    A name that the provider has of its own, or that no mapping covers, goes through unchanged.
    """
    model = _plain(model)
    tier = tier_of(model)
    if tier in provider.models:
        return provider.models[tier]
    if model in provider.own_models:
        return model
    return provider.models.get("default", model)


def _plain(model: str) -> str:
    return model[:-4] if model.lower().endswith("[1m]") else model


def tier_of(model: str) -> str:
    """Return the tier that a Claude model's name holds (`claude-opus-5-5`, or just `opus`), else an empty text."""
    name = model.lower()
    for tier in TIERS:
        if name == tier or (tier in name and "claude" in name):
            return tier
    return ""
