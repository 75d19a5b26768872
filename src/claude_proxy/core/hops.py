"""Requests that come back: the address of a provider may lead to this proxy again, directly or through another one.

    request ─► proxy ─► provider whose base_url is a proxy's ─► … ─► proxy: the header names it, 508

Each request that may go to a claude-proxy carries a header with the proxies that it has passed, and by which provider
it left each. A claude-proxy speaks plain http, so nothing is added for the `https` addresses of real providers, which
need not know of the proxy. The exception is a provider whose key is the proxy's own token: no other has that.
"""

from __future__ import annotations

from typing import Final

from claude_proxy.core.text import printable
from claude_proxy.core.types import Provider

HEADER: Final = b"x-claude-proxy-hops"

MAX_HOPS: Final = 8
"""Proxies that a request may pass: a chain of two makes sense, of more hardly."""

_MAX_NAME: Final = 64


class Hops:
    """The header, as one proxy reads and writes it. `instance` tells it from others; `token` lets clients in."""

    __slots__ = ("_instance", "_token")

    def __init__(self, instance: str = "", token: str = "") -> None:
        self._instance = instance.encode()
        self._token = token

    def fault(self, passed: bytes) -> str:
        """Return what is wrong with a request that has passed these proxies, in words; an empty text if nothing is."""
        hops = [hop.strip().partition(b"/") for hop in passed.split(b",")]
        for instance, _, provider in hops:
            if instance == self._instance:
                name = printable(provider.decode("latin-1"), _MAX_NAME)
                return f"the base_url of the provider {name} leads back to this proxy. Correct it in config.json."
        if len(hops) >= MAX_HOPS:
            return f"the request has passed {len(hops)} proxies. Correct the base_url of the providers that lead there."
        return ""

    def added_to(self, head: bytes, passed: bytes, provider: Provider) -> bytes:
        """Return the head of a request to a provider, with this hop behind those passed if it may go to a proxy."""
        if provider.origin.scheme != "http" and provider.api_key != self._token:
            return head
        hop = b"%b/%b" % (self._instance, provider.name.encode())
        return b"%b%b: %b\r\n\r\n" % (head[:-2], HEADER, b"%b, %b" % (passed, hop) if passed else hop)
