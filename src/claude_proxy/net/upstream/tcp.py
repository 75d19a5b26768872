"""Connects to a host by name over TCP, and says what went wrong if that fails."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import struct
import sys

from claude_proxy.net.upstream.dns_cache import Address, Addresses, DnsCache
from claude_proxy.proxy.ports import Failure, UpstreamError

FALLBACK_AFTER = 1.0
"""Seconds after which a silent address is given up for the next one: a lost SYN is sent again after one (RFC 6298)."""

_NO_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE})
"""This process has no descriptors left, or the whole system has none."""


STALE_AFTER = 5.0
"""Seconds without an acknowledgement after which a kept connection is dead, as after a change of the Wi-Fi or VPN. A
lost packet is sent again within 0.2 to 3 seconds. (If only the way back is gone, the request may have arrived. Its
answer never would, so it is sent again as after a connection that closes unanswered.)"""

_TCP_INFO = struct.Struct("=24xI28xI")
"""`tcpi_unacked` and `tcpi_last_ack_recv`, in milliseconds."""

_CONNECTION_DROP = {"darwin": 0x80, "win32": 5}
"""TCP_RXT_CONNDROPTIME of Darwin's netinet/tcp.h, TCP_MAXRT of Windows' ws2ipdef.h: whole seconds both."""

_LOST_NETWORK = frozenset({errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN})


def authority(host: str, port: int) -> str:
    """Return `host:port`, with the brackets that an IPv6 address needs."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def dial(dns: DnsCache, host: str, port: int) -> socket.socket:
    """Return a connected, non-blocking socket; the host's addresses are tried in the order that the system prefers.

    Raises `UpstreamError` (DNS, REFUSED, UNREACHABLE, LOCAL) and `TimeoutError`. It sets no time limit of its own on
    the last address.
    """
    addresses = await dns.addresses(host, port)
    if not addresses:
        _new_socket(socket.AF_INET).close()  # a look-up needs a descriptor too, and does not say so
        raise UpstreamError(Failure.DNS, f"{host}: name not found", sent=False)
    try:
        return await _first_of(addresses, authority(host, port))
    except BaseException:
        dns.invalidate(host, port)
        raise


async def _first_of(addresses: Addresses, peer: str) -> socket.socket:
    """Return a connection to the first address that accepts one."""
    failures: list[OSError] = []
    *others, last = addresses
    for address in others:
        try:
            async with asyncio.timeout(FALLBACK_AFTER):
                return await _connect(address)
        except OSError as error:
            failures.append(error)
    try:
        return await _connect(last)
    except OSError as error:
        failures.append(error)
    raise _error_of(peer, failures)


async def _connect(target: Address) -> socket.socket:
    family, address = target
    sock = _new_socket(family)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


def _new_socket(family: int) -> socket.socket:
    try:
        return socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        if error.errno in _NO_DESCRIPTORS:
            raise _no_descriptors() from None
        raise


def _no_descriptors() -> UpstreamError:
    text = "this machine has no descriptors left (see `ulimit -n`)"
    return UpstreamError(Failure.LOCAL, text, sent=False)


def _error_of(peer: str, failures: list[OSError]) -> Exception:
    """Return the error to raise: a refused connection says more than an address without a route."""
    if any(isinstance(failure, ConnectionRefusedError) for failure in failures):
        return UpstreamError(Failure.REFUSED, f"{peer}: connection refused", sent=False)
    last = failures[-1]
    if isinstance(last, TimeoutError):
        return last
    return UpstreamError(Failure.UNREACHABLE, f"{peer}: {last.strerror or 'no route to it'}", sent=False)


def limit_silence(sock: socket.socket, seconds: float) -> None:
    """Let the system close a connection that what was sent on it is not acknowledged on for so long, if it can.

    Linux' TCP_USER_TIMEOUT would also end one whose other side acknowledges, but is slow to read: hence `silence`.
    """
    if option := _CONNECTION_DROP.get(sys.platform):
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, option, max(1, int(seconds)))


def silence(sock: socket.socket) -> float | None:
    """Return for how many seconds what was sent has waited without any acknowledgement; 0.0 if nothing waits for one.

    None if the system does not say: all but Linux (`struct tcp_info` of its linux/tcp.h).
    """
    if sys.platform != "linux":
        return None
    try:
        facts = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
        unacknowledged, last_acknowledgement = _TCP_INFO.unpack(facts)
    except (OSError, struct.error):
        return None
    return last_acknowledgement / 1000 if unacknowledged else 0.0


def is_lost_network(error: Exception | None) -> bool:
    """Whether the system ended a connection because nothing came back on it, rather than the other side."""
    return isinstance(error, OSError) and error.errno in _LOST_NETWORK
