"""The ASGI application: guard, path, and the answer.

The hot path is this plain callable; uvicorn speaks HTTP for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final, TypeAlias

from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, HTTPScope, Scope

from claude_proxy.core.headers import TRACE_PARENT
from claude_proxy.core.hops import HEADER as HOPS
from claude_proxy.core.messages import COUNT_TOKENS_PATH, MESSAGES_PATH, MODELS_PATH
from claude_proxy.core.reply import CUT_SHORT, as_event, nothing_there, refusal
from claude_proxy.core.types import Reply
from claude_proxy.net.asgi_client import AsgiClient
from claude_proxy.net.guard import Guard, check_content_type
from claude_proxy.net.page.page import BY_COOKIE, OPEN, PAGE, ended
from claude_proxy.proxy.count_tokens import CountTokens
from claude_proxy.proxy.exchange import Exchange
from claude_proxy.proxy.gateway import Gateway, RequestHead
from claude_proxy.proxy.handler import Handler
from claude_proxy.proxy.ports import Journal

ONE_MODEL: Final = f"{MODELS_PATH}/"
"""The path of the service for each path that begins so: a model's id comes behind it, with slashes perhaps."""

METRICS: Final = "/metrics"
"""Another token than the installation's may open it."""

_PIN_PREFIX: Final = "/provider/"
_VERSION: Final = "/v1"
_BEHIND_VERSION: Final = ("/v1/v1/", "/v1/api/", "/v1/health", "/v1/provider/")
"""How paths begin for a client whose base URL ends in `/v1`."""

_CONVERSATIONS: Final[Mapping[str, type[Handler]]] = {
    MESSAGES_PATH: Exchange,
    COUNT_TOKENS_PATH: CountTokens,
}
_OPEN: Final = frozenset({"/", "/api/hello", "/health", OPEN})
"""Paths that need no token: Claude Code's first check of its gateway, whether the proxy is up, and the link to the page
with its code."""

Service: TypeAlias = Callable[[AsgiClient, str | None], Awaitable[Reply | None]]
"""Answers a request that is not an exchange; gets the client, and the pin in the path. None: it has sent the answer."""

_NOTHING: Final[Mapping[str, Service]] = MappingProxyType({})


class Server:
    """Serves requests. `gateway` is called for each exchange, so a changed configuration holds from the next one on.

    `services` are the other answers, by path and method. Refusals are noted in the journal.
    """

    def __init__(
        self,
        guard: Guard,
        gateway: Callable[[], Gateway],
        services: Mapping[str, Mapping[str, Service]],
        journal: Journal,
    ) -> None:
        self._guard = guard
        self._gateway = gateway
        self._services = services
        self._journal = journal
        self.in_flight: set[asyncio.Task[None]] = set()
        """The tasks of the exchanges that are running."""

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] != "http":
            return
        client = AsgiClient(scope, receive, send)
        try:
            await self._serve(scope, client)
        except asyncio.CancelledError:
            if not client.left:
                # the proxy was told to stop at once
                await _break_off(client, refusal("overloaded_error", "stopped before an answer came"), CUT_SHORT)
        except Exception as error:  # noqa: BLE001 - the last line of defence: a defect must not show as a traceback
            self._gateway().defects.note(error)
            message = f"internal error ({type(error).__name__}); proxy.log says where it happened"
            reply = refusal("api_error", message)
            await _break_off(client, reply, as_event(reply))
        finally:
            client.release()

    async def _serve(self, scope: HTTPScope, client: AsgiClient) -> None:
        headers, method = tuple(scope["headers"]), scope["method"]
        fields = dict(headers)
        pin, path = _split_pin(scope["path"])
        refused = self._guard.check_origin(fields)
        if refused is None:
            path, refused = self._admit(method, path, pin, fields)
        if refused is None and method == "POST" and "POST" in self._methods(path):
            refused = check_content_type(fields)
        if refused is None and method == "POST" and path in _CONVERSATIONS:
            own = self._guard.strip_credentials(headers)
            hops, trace_parent = fields.get(HOPS, b""), fields.get(TRACE_PARENT, b"")
            head = RequestHead(path, scope["query_string"], own, pin, hops, trace_parent)
            await self._converse(_CONVERSATIONS[path](self._gateway(), client, head))
            return
        reply = refused or await self._serve_other(method, path, pin, client)
        if reply is None:
            return
        if reply.status >= HTTPStatus.BAD_REQUEST:
            self._journal.note(f"refused with {reply.status}: {method} {path[:100]}", "debug")
        await client.send(reply)

    def _admit(
        self, method: str, path: str, pin: str | None, fields: Mapping[bytes, bytes]
    ) -> tuple[str, Reply | None]:
        """Return the path of what is asked for, and a refusal if the client may not have it."""
        if pin is None and method == "GET" and (path == "/" or path in BY_COOKIE):
            if self._guard.has_page_cookie(fields):
                return PAGE if path == "/" else path, None
            return path, None if path == "/" else ended()
        if path in _OPEN or (path == METRICS and pin is None and self._guard.may_read_metrics(fields)):
            return path, None
        return path, self._guard.check_token(fields)

    async def _converse(self, conversation: Handler) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("an exchange runs in a task")
        self.in_flight.add(task)
        try:
            await conversation.run()
        finally:
            self.in_flight.discard(task)

    async def _serve_other(self, method: str, path: str, pin: str | None, client: AsgiClient) -> Reply | None:
        allowed = self._methods(path)
        if not allowed:
            return _nothing_at(method, path)
        if method in allowed:
            return await self._services_at(path)[method](client, pin)
        wrong = refusal("invalid_request_error", f"{method} is not allowed here, only {' and '.join(allowed)}")
        return Reply(405, (*wrong.headers, (b"allow", ", ".join(allowed).encode())), wrong.body)

    def _methods(self, path: str) -> tuple[str, ...]:
        return ("POST",) if path in _CONVERSATIONS else tuple(self._services_at(path))

    def _services_at(self, path: str) -> Mapping[str, Service]:
        return self._services.get(ONE_MODEL if path.startswith(ONE_MODEL) else path, _NOTHING)


def _nothing_at(method: str, path: str) -> Reply:
    message = f"there is nothing at {path[:100]}"
    if method != "POST" or not path.rstrip("/").endswith("/messages"):
        return refusal("not_found_error", message)
    # a client that asks for an answer, at a base URL that claude-fb and claude-switch do not set
    return nothing_there(f"{message}. ANTHROPIC_BASE_URL ends after the port, or with /provider/NAME: type claude-fb.")


async def _break_off(client: AsgiClient, reply: Reply, event: bytes) -> None:
    """End an answer that will not come to its end: with a reply if it has not begun, or an event within a stream."""
    if client.streaming:
        if not client.complete:
            await client.write_last(event)
        await client.end()
    elif not client.started:
        await client.send(reply)


def _split_pin(path: str) -> tuple[str | None, str]:
    """Return the provider's name that a path begins with, or None, and the rest of the path.

    The `/v1` of a base URL is taken out, whether the pin comes before or behind it.
    """
    if path.startswith(_BEHIND_VERSION):
        path = path.removeprefix(_VERSION)
    if not path.startswith(_PIN_PREFIX):
        return None, path
    name, slash, rest = path[len(_PIN_PREFIX) :].partition("/")
    path = slash + rest or "/"
    return name, path.removeprefix(_VERSION) if path.startswith(_BEHIND_VERSION) else path
