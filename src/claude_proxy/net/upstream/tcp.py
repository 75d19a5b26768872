"""A TCP connection to a host by name, and what went wrong where there is none."""

from __future__ import annotations

import asyncio
import errno
import socket

from claude_proxy.net.upstream.dns_cache import Address, Addresses, DnsCache
from claude_proxy.proxy.ports import Failure, UpstreamError

FALLBACK_AFTER = 1.0
"""Seconds after which a silent address is left for the next one: a lost SYN is sent again after one (RFC 6298)."""

_NO_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE})
"""This process has none left; or the whole system."""


def authority(host: str, port: int) -> str:
    """Return `host:port`, with the brackets that an IPv6 address needs."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def dial(names: DnsCache, host: str, port: int) -> socket.socket:
    """Return a connected, non-blocking socket; the host's addresses are tried in the order that the system prefers.

    Raises `UpstreamError` (DNS, REFUSED, UNREACHABLE, LOCAL) and `TimeoutError`. Sets no limit of its own on the last
    address.
    """
    addresses = await names.addresses(host, port)
    if not addresses:
        _new_socket(socket.AF_INET).close()  # a look-up needs one as well, and does not say so
        raise UpstreamError(Failure.DNS, f"{host}: name not found", sent=False)
    try:
        return await _first_of(addresses, authority(host, port))
    except BaseException:
        names.invalidate(host, port)
        raise


async def _first_of(addresses: Addresses, peer: str) -> socket.socket:
    """Return a connection to the first address that has one to give."""
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
    raise _verdict(peer, failures)


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
            raise _own_trouble() from None
        raise


def _own_trouble() -> UpstreamError:
    text = "this machine has no descriptors left (see `ulimit -n`)"
    return UpstreamError(Failure.LOCAL, text, sent=False)


def _verdict(peer: str, failures: list[OSError]) -> Exception:
    """Return what to tell: an address that refused says more than one that no route leads to."""
    if any(isinstance(failure, ConnectionRefusedError) for failure in failures):
        return UpstreamError(Failure.REFUSED, f"{peer}: connection refused", sent=False)
    last = failures[-1]
    if isinstance(last, TimeoutError):
        return last
    return UpstreamError(Failure.UNREACHABLE, f"{peer}: {last.strerror or 'no way there'}", sent=False)
