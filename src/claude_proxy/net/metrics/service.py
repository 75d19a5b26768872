"""`GET /metrics`."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

from claude_proxy.core.headers import find
from claude_proxy.core.metrics_state import MetricsState
from claude_proxy.core.reply import refusal
from claude_proxy.core.types import Reply
from claude_proxy.net.asgi_client import AsgiClient
from claude_proxy.net.server import Service

_NOT_FOR_PROVIDERS: Final = refusal("not_found_error", "there are metrics of the whole proxy only, at /metrics")


class MetricsSource(Protocol):
    """The running proxy, as far as metrics are about it."""

    def metrics(self) -> MetricsState:
        """Return all that `/metrics` shows."""
        ...


def metrics_service(proxy: MetricsSource) -> Service:
    """Return the service; it answers in the format that `Accept` asks for."""

    async def service(client: AsgiClient, pin: str | None) -> Reply:
        if pin is not None:
            return _NOT_FOR_PROVIDERS
        accept = (find(client.headers, b"accept") or b"").decode("latin-1")
        content_type, text = await asyncio.to_thread(_render, proxy.metrics(), accept)
        headers = ((b"content-type", content_type.encode()), (b"cache-control", b"no-store"))
        return Reply(200, headers, text)

    return service


def _render(state: MetricsState, accept: str) -> tuple[str, bytes]:
    # 0.1 s and some 3 MB, which a proxy that nobody watches saves
    from claude_proxy.net.metrics.families import render  # noqa: PLC0415

    return render(state, accept)
