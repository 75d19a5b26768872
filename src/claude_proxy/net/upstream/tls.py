"""TLS towards providers: the certificates that this system trusts, and the handshake."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import ssl
import sys

import truststore

from claude_proxy.core.reasons import UNTRUSTED
from claude_proxy.proxy.ports import Failure, UpstreamError


@functools.cache
def system_trust(extra_ca_file: str = "") -> ssl.SSLContext:
    """Return a client's context that trusts what the operating system trusts, and the certificates in a file.

    Takes some 30 ms the first time. A file that cannot be used is left out; the configuration warns of it.
    """
    context = _openssl_trust() or truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if extra_ca_file:
        with contextlib.suppress(OSError):
            context.load_verify_locations(extra_ca_file)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _openssl_trust() -> ssl.SSLContext | None:
    """Return a context with OpenSSL's own store if that is the system's; None if truststore has to find it.

    truststore reads the whole store anew for each connection: 18 ms in which the event loop stands still.
    """
    if sys.platform in {"win32", "darwin"}:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    return context if context.cert_store_stats()["x509_ca"] else None


async def attach(
    protocol: asyncio.BaseProtocol, sock: socket.socket, host: str, context: ssl.SSLContext | None
) -> None:
    """Give `protocol` the connected socket; with a `context`, after a TLS handshake with `host`.

    Raises `UpstreamError` (TLS). The loop closes the socket then, as it does on cancellation.
    """
    loop = asyncio.get_running_loop()
    try:
        if context is None:
            await loop.create_connection(lambda: protocol, sock=sock)
        else:
            await loop.create_connection(lambda: protocol, sock=sock, ssl=context, server_hostname=host)
    except OSError as error:
        raise UpstreamError(Failure.TLS, f"{host}: {_reason(error)}", sent=False) from None


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{UNTRUSTED}: {error.verify_message or error}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {(error.reason or 'unknown reason').replace('_', ' ').lower()}"
    return "connection closed during the TLS handshake"
