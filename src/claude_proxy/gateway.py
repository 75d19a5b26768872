"""What an exchange works with, as it stood when its request came: a changed configuration makes a new one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from claude_proxy.core.health import Health
from claude_proxy.core.model import Headers, Policy, Provider, Reply
from claude_proxy.core.reply import refusal
from claude_proxy.core.request import MalformedRequestError, MessagesRequest
from claude_proxy.core.routing import NoSuchProvider, Route, route
from claude_proxy.ports import Client, Clock, Ledger, Transport


@dataclass(frozen=True, slots=True)
class Gateway:
    """The providers in the order of failover, their health by name, and the world outside."""

    providers: tuple[Provider, ...]
    healths: Mapping[str, Health]
    keyless: Mapping[str, str]
    """Providers that lack their key, and the variable they wait for."""
    policy: Policy
    transport: Transport
    clock: Clock
    ledger: Ledger


@dataclass(frozen=True, slots=True)
class RequestHead:
    """A request's head behind the guard: `path` without the pin, the pin from it (a provider's name) or None."""

    path: str
    query: bytes
    headers: Headers
    pin: str | None


async def read(gateway: Gateway, client: Client, head: RequestHead) -> tuple[MessagesRequest, Route] | Reply:
    """Read a request's body and find its route; the reply of a refused one. Raises `ClientLeftError`."""
    limit = gateway.policy.max_body_bytes
    body = await client.read_body(limit)
    if body is None:
        size = f"{limit / 1048576:g} MB"
        return refusal("request_too_large", f"the request is over {size} (max_body_mb in config.json sets the limit)")
    try:
        request = MessagesRequest.parse(head.path, head.query, head.headers, body)
    except MalformedRequestError as error:
        return refusal("invalid_request_error", str(error))
    found = route(gateway.providers, head.pin, request.model, gateway.keyless)
    if isinstance(found, NoSuchProvider):
        return refusal("not_found_error", found.message)
    return request, found
