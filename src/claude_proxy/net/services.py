"""The answers besides exchanges: whether the proxy is up, its models, and what the commands ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from claude_proxy.core.listed_models import listed_models, one_model
from claude_proxy.core.messages import JSON, MODELS_PATH
from claude_proxy.core.reply import refusal
from claude_proxy.core.routing import NoSuchProvider, route
from claude_proxy.core.text import PROGRAM
from claude_proxy.core.types import Reply
from claude_proxy.net.admin_api import NOT_FOR_PROVIDERS, ProxyControl, admin_api, json_reply
from claude_proxy.net.asgi_client import AsgiClient
from claude_proxy.net.metrics.service import metrics_service
from claude_proxy.net.page.page import BY_COOKIE, LIVE, OPEN, PAGE, Page
from claude_proxy.net.server import METRICS, ONE_MODEL, Service
from claude_proxy.proxy.gateway import Gateway

_PLAIN_TEXT: Final = ((b"content-type", b"text/plain; charset=utf-8"), (b"x-content-type-options", b"nosniff"))
_GREETING: Final = (
    f"This is {PROGRAM}, which runs here for Claude Code. Type `{PROGRAM} dashboard` to see its page.\n"
).encode()
"""For a person with a browser, who sends no token: it holds nothing secret."""


def services(
    gateway: Callable[[], Gateway], control: ProxyControl, health: Callable[[bytes], object], page: Page
) -> Mapping[str, Mapping[str, Service]]:
    """Return the services by path and method. `health` gets the query.

    It needs no token, so what it returns is nothing secret, and no path tells which providers there are.
    """

    async def hello(client: AsgiClient, _pin: str | None) -> Reply:
        return json_reply(200, health(client.query))

    async def greet(_client: AsgiClient, _pin: str | None) -> Reply:
        return Reply(200, _PLAIN_TEXT, _GREETING)

    async def models(_client: AsgiClient, pin: str | None) -> Reply:
        now = gateway()
        found = route(now.providers, pin, "", now.selector.keyless)
        if isinstance(found, NoSuchProvider):
            return refusal("not_found_error", found.message)
        names = (
            listed_models((found.candidates[0].provider,))
            if found.pinned
            else listed_models(now.providers, now.selector.routes)
        )
        return Reply(200, ((b"content-type", JSON),), names)

    async def model(client: AsgiClient, pin: str | None) -> Reply:
        now, name = gateway(), client.path.partition(ONE_MODEL)[2]
        if not name:
            return await models(client, pin)
        entry = one_model(now.providers, pin, name, now.selector.routes)
        if entry is None:
            return refusal("not_found_error", f"there is no model {name[:100]!r} here; GET {MODELS_PATH} lists them")
        return Reply(200, ((b"content-type", JSON),), entry)

    metrics = metrics_service(control)
    return {
        "/": {"GET": greet, "HEAD": hello},
        "/api/hello": {"HEAD": hello},
        "/health": {"GET": hello, "HEAD": hello},
        MODELS_PATH: {"GET": models},
        ONE_MODEL: {"GET": model},
        METRICS: {"GET": metrics, "HEAD": metrics},
        **_page_services(page),
        **admin_api(gateway, control, page.link_path),
    }


def _page_services(page: Page) -> Mapping[str, Mapping[str, Service]]:
    """Return the services for a browser; the guard has looked at its cookie."""

    async def open_page(client: AsgiClient, pin: str | None) -> Reply:
        return page.open(client.query) if pin is None else NOT_FOR_PROVIDERS

    async def show(client: AsgiClient, pin: str | None) -> Reply:
        return await page.show(client.query) if pin is None else NOT_FOR_PROVIDERS

    async def follow(client: AsgiClient, pin: str | None) -> Reply | None:
        return await page.follow(client) if pin is None else NOT_FOR_PROVIDERS

    async def static(client: AsgiClient, pin: str | None) -> Reply:
        return await page.static(client.path) if pin is None else NOT_FOR_PROVIDERS

    parts = {path: {"GET": static} for path in BY_COOKIE}
    return {**parts, OPEN: {"GET": open_page}, PAGE: {"GET": show}, LIVE: {"GET": follow}}
