"""The egress proxy: which hosts are reached through it, and how it is asked for a tunnel (CONNECT)."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import socket
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from claude_proxy.core.types import Origin
from claude_proxy.net.upstream.dns_cache import DnsCache
from claude_proxy.net.upstream.tcp import authority, dial
from claude_proxy.proxy.ports import Failure, UpstreamError

MAX_REPLY_BYTES = 16 * 1024
"""The head of a proxy's answer to CONNECT, a few lines in practice; a page that comes with a refusal is not read."""


@dataclass(frozen=True, slots=True)
class EgressProxy:
    """An HTTP proxy that opens tunnels."""

    host: str
    port: int
    authorization: bytes = field(default=b"", repr=False)
    """The whole header line, or nothing."""

    @classmethod
    def at(cls, url: str) -> EgressProxy:
        """Read `http://[user:password@]host[:port]`. Raises `ValueError`, whose text does not hold the password."""
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            message = 'the address of a proxy is written "http://[user:password@]host:port"'
            raise ValueError(message)
        return cls(parts.hostname, parts.port or 80, _authorization(parts.username, parts.password))

    async def tunnel(self, origin: Origin, dns: DnsCache) -> socket.socket:
        """Return a socket whose other end is `origin`.

        Raises `UpstreamError` (TUNNEL, DNS, LOCAL) and `TimeoutError`.
        """
        try:
            target = authority(origin.host.encode("idna").decode(), origin.port).encode()
        except UnicodeError:
            raise UpstreamError(Failure.DNS, f"{origin.host}: not a name", sent=False) from None
        try:
            sock = await dial(dns, self.host, self.port)
        except UpstreamError as error:
            if error.failure is Failure.LOCAL:
                raise
            raise self._error(f"cannot be reached ({error})") from None
        try:
            await self._ask(sock, target)
        except BaseException:
            sock.close()
            raise
        return sock

    async def _ask(self, sock: socket.socket, target: bytes) -> None:
        request = b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n%b\r\n" % (target, target, self.authorization)
        try:
            await asyncio.get_running_loop().sock_sendall(sock, request)
            reply = await _read_head(sock)
        except TimeoutError:
            raise
        except OSError:
            reply = b""
        self._judge(reply)

    def _judge(self, reply: bytes) -> None:
        version, _, rest = reply.partition(b" ")
        status = rest[:3].decode("ascii", "replace")
        if not (version.startswith(b"HTTP/1.") and status.isdecimal()):
            raise self._error("gave no HTTP answer to CONNECT")
        if status == "407":
            raise self._error("wants another user name and password (407)")
        if not status.startswith("2"):
            raise self._error(f"refused the tunnel ({status})")
        if not reply.endswith(b"\r\n\r\n"):
            raise self._error("sent more than its answer to CONNECT")

    def _error(self, what: str) -> UpstreamError:
        return UpstreamError(Failure.TUNNEL, f"proxy {authority(self.host, self.port)} {what}", sent=False)


def _authorization(user: str | None, password: str | None) -> bytes:
    if user is None:
        return b""
    pair = f"{unquote(user)}:{unquote(password or '')}".encode()
    return b"Proxy-Authorization: Basic %b\r\n" % base64.b64encode(pair)


async def _read_head(sock: socket.socket) -> bytes:
    """Return what came up to the blank line, the end or the limit, and what was received along with it."""
    loop = asyncio.get_running_loop()
    reply = b""
    while b"\r\n\r\n" not in reply and len(reply) < MAX_REPLY_BYTES:
        data = await loop.sock_recv(sock, MAX_REPLY_BYTES)
        if not data:
            break
        reply += data
    return reply


class Bypass:
    """The hosts that are reached without the egress proxy, as NO_PROXY names them.

    An entry is `*`, an address, a network (`10.0.0.0/8`) or a domain, which holds its subdomains too
    (`corp.example`, `.corp.example` and `*.corp.example` are the same); `:port` at its end limits it to that port.
    """

    def __init__(self, entries: tuple[str, ...]) -> None:
        self._entries = [_split_port(entry.strip().lower()) for entry in entries if entry.strip()]

    def covers(self, origin: Origin) -> bool:
        """Return whether `origin` is reached directly."""
        host = origin.host.lower().rstrip(".")
        return any(port in {None, origin.port} and _matches(entry, host) for entry, port in self._entries)


def _split_port(entry: str) -> tuple[str, int | None]:
    host, colon, port = entry.rpartition(":")
    if colon and port.isdecimal() and (":" not in host or host.endswith("]")):
        return host.strip("[]"), int(port)
    return entry.strip("[]"), None


def _matches(entry: str, host: str) -> bool:
    if entry == "*":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        domain = entry.removeprefix("*").strip(".")
        return bool(domain) and (host == domain or host.endswith(f".{domain}"))
    try:
        return address in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False
