"""Connects to a host by name over TCP, and says what went wrong if that fails."""

from __future__ import annotations

import asyncio
import errno
import socket

from claude_proxy.net.upstream.dns_cache import Address, Addresses, DnsCache
from claude_proxy.proxy.ports import Failure, UpstreamError

FALLBACK_AFTER = 1.0
"""Seconds after which a silent address is given up for the next one: a lost SYN is sent again after one (RFC 6298)."""

_NO_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE})
"""This process has no descriptors left, or the whole system has none."""


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
