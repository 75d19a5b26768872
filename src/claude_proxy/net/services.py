"""What the proxy answers besides exchanges: whether it is up, its models, and what the commands ask of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from claude_proxy.core.explain import explained, question
from claude_proxy.core.listing import listed
from claude_proxy.core.messages import JSON, MODELS_PATH
from claude_proxy.core.model import Reply
from claude_proxy.core.reply import refusal
from claude_proxy.core.routing import NoSuchProvider, route
from claude_proxy.gateway import Gateway
from claude_proxy.net.client import AsgiClient
from claude_proxy.net.server import Service

MAX_COMMAND_BYTES = 4096
"""A command to the proxy is a few words of JSON."""


_NO_PROVIDERS_BUSINESS = refusal("not_found_error", "this is asked of the proxy, not of one of its providers")


class StopCommand(msgspec.Struct, forbid_unknown_fields=True):
    """`force`: cut the requests in flight instead of waiting for them."""

    force: bool = False


class Control(Protocol):
    """What the running proxy lets its commands do."""

    def status(self) -> object:
        """Return the status, fit for JSON."""
        ...

    def stop_soon(self, *, force: bool) -> int:
        """Begin to end; return how many requests are in flight."""
        ...


def services(gateway: Callable[[], Gateway], control: Control, health: object) -> Mapping[str, Mapping[str, Service]]:
    """Return the services by path and method. `health` is told to anyone, so it holds nothing secret."""

    async def hello(_client: AsgiClient, pin: str | None) -> Reply:
        if pin is not None and all(pin != provider.name for provider in gateway().providers):
            return refusal("not_found_error", "no provider has this name")  # who asks has shown no token: no list
        return _json(200, health)

    async def models(_client: AsgiClient, pin: str | None) -> Reply:
        now = gateway()
        found = route(now.providers, pin, "", now.chooser.keyless)
        if isinstance(found, NoSuchProvider):
            return refusal("not_found_error", found.message)
        names = listed((found.candidates[0].provider,)) if found.pinned else listed(now.providers, now.chooser.routes)
        return Reply(200, ((b"content-type", JSON),), names)

    async def status(_client: AsgiClient, pin: str | None) -> Reply:
        return _json(200, control.status()) if pin is None else _NO_PROVIDERS_BUSINESS

    async def explain(client: AsgiClient, pin: str | None) -> Reply:
        return _explanation(gateway(), client.query) if pin is None else _NO_PROVIDERS_BUSINESS

    async def stop(client: AsgiClient, pin: str | None) -> Reply:
        if pin is not None:
            return _NO_PROVIDERS_BUSINESS
        try:
            command = msgspec.json.decode(await client.read_body(MAX_COMMAND_BYTES) or b"", type=StopCommand)
        except ValueError as error:
            return refusal("invalid_request_error", f"not a stop command: {error}")
        return _json(202, {"in_flight": control.stop_soon(force=command.force)})

    return {
        "/": {"HEAD": hello},
        "/api/hello": {"HEAD": hello},
        "/health": {"GET": hello, "HEAD": hello},
        MODELS_PATH: {"GET": models},
        "/admin/status": {"GET": status},
        "/admin/explain": {"GET": explain},
        "/admin/stop": {"POST": stop},
    }


def _explanation(gateway: Gateway, query: bytes) -> Reply:
    try:
        asked = question(query)
    except ValueError as error:
        return refusal("invalid_request_error", f"not a question: {error}")
    return _json(200, explained(asked, gateway.chooser, gateway.healths, gateway.clock.wall()))


def _json(status: int, value: object) -> Reply:
    return Reply(status, ((b"content-type", JSON),), msgspec.json.encode(value))
