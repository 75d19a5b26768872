"""A TCP connection to a host by name, and what went wrong where there is none."""

from __future__ import annotations

import asyncio
import socket
from typing import TypeAlias

from claude_proxy.ports import Failure, UpstreamError

FALLBACK_AFTER = 1.0
"""Seconds after which a silent address is left for the next one: a lost SYN is sent again after one (RFC 6298)."""

Address: TypeAlias = tuple[int, tuple[str | int | bytes, ...]]
"""A family, and an address as that family's sockets take it."""


def authority(host: str, port: int) -> str:
    """Return `host:port`, with the brackets that an IPv6 address needs."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def dial(host: str, port: int) -> socket.socket:
    """Return a connected, non-blocking socket; the host's addresses are tried in the order that the system prefers.

    Raises `UpstreamError` (DNS, REFUSED, UNREACHABLE) and `TimeoutError`. Sets no limit of its own on the last address.
    """
    failures: list[OSError] = []
    *others, last = await _resolve(host, port)
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
    raise _verdict(authority(host, port), failures)


async def _resolve(host: str, port: int) -> list[Address]:
    loop = asyncio.get_running_loop()
    try:
        try:
            # An address needs no name server, and no thread to wait for one.
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        except socket.gaierror:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        raise UpstreamError(Failure.DNS, f"{host}: name not found", sent=False) from None
    return [(family, address) for family, _, _, _, address in found]


async def _connect(target: Address) -> socket.socket:
    family, address = target
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


def _verdict(peer: str, failures: list[OSError]) -> Exception:
    """Return what to tell: an address that refused says more than one that no route leads to."""
    if any(isinstance(failure, ConnectionRefusedError) for failure in failures):
        return UpstreamError(Failure.REFUSED, f"{peer}: connection refused", sent=False)
    last = failures[-1]
    if isinstance(last, TimeoutError):
        return last
    return UpstreamError(Failure.UNREACHABLE, f"{peer}: {last.strerror or 'no way there'}", sent=False)
