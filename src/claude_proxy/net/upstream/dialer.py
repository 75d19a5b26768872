"""Opens connections to origins: directly or through the egress proxy, then TLS, all within one time limit."""

from __future__ import annotations

import asyncio
import socket
import ssl

from claude_proxy.core.egress import Egress
from claude_proxy.core.types import Origin
from claude_proxy.net.upstream.dns_cache import DnsCache
from claude_proxy.net.upstream.tcp import authority, dial
from claude_proxy.net.upstream.tls import attach, system_trust
from claude_proxy.net.upstream.tunnel import Bypass, EgressProxy
from claude_proxy.proxy.ports import Failure, UpstreamError


class Dialer:
    """Opens connections as the user's egress settings say."""

    def __init__(self, egress: Egress, ssl_context: ssl.SSLContext | None) -> None:
        self._proxy = EgressProxy.at(egress.proxy_url) if egress.proxy_url else None
        self._dns = DnsCache()
        self._bypass = Bypass(egress.no_proxy)
        self._ssl_context = ssl_context
        self._extra_ca_file = egress.extra_ca_file

    async def connect(self, origin: Origin, protocol: asyncio.BaseProtocol, connect_timeout: float) -> None:
        """Connect `protocol` to `origin` within `connect_timeout` seconds. Raises `UpstreamError`, not `sent`."""
        try:
            async with asyncio.timeout(connect_timeout):
                sock = await self._open_socket(origin)
                await attach(protocol, sock, origin.host, self._context(origin))
        except TimeoutError:
            text = f"{authority(origin.host, origin.port)}: no connection within {connect_timeout:g} s"
            raise UpstreamError(Failure.CONNECT_TIMEOUT, text, sent=False) from None

    async def _open_socket(self, origin: Origin) -> socket.socket:
        if self._proxy is None or origin.scheme != "https" or self._bypass.covers(origin):
            return await dial(self._dns, origin.host, origin.port)
        return await self._proxy.tunnel(origin, self._dns)

    def _context(self, origin: Origin) -> ssl.SSLContext | None:
        if origin.scheme != "https":
            return None
        return self._ssl_context or system_trust(self._extra_ca_file)
