"""TLS towards providers: the certificates that this system trusts, and the handshake."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import ssl
import sys

from claude_proxy.core.reasons import UNTRUSTED
from claude_proxy.proxy.ports import Failure, UpstreamError

MAX_SESSIONS = 256
"""Hosts whose last session is kept: more than anybody has providers."""


class ResumingContext(ssl.SSLContext):
    """A client's context that resumes the last session with each host, which spares the check of certificates.

    asyncio and uvloop hand no session on, but both ask the context for each connection's object.
    """

    _sessions: dict[str, ssl.SSLSession]

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Return the object of one connection, with the session that was kept for its host."""
        kept = session or self._kept().get(str(server_hostname))
        return super().wrap_bio(incoming, outgoing, server_side, server_hostname, kept)

    def keep(self, host: str, session: ssl.SSLSession) -> None:
        """Use this session for the next connection to the host."""
        kept = self._kept()
        kept.pop(host, None)
        kept[host] = session
        if len(kept) > MAX_SESSIONS:
            del kept[next(iter(kept))]

    def _kept(self) -> dict[str, ssl.SSLSession]:
        if not hasattr(self, "_sessions"):
            self._sessions = {}
        return self._sessions


def remember_session(connected: ssl.SSLObject | None) -> None:
    """Keep the session of a connection that has served an answer: the tickets of TLS 1.3 come after the handshake."""
    if connected is None or not isinstance(connected.context, ResumingContext):
        return
    if connected.server_hostname and (session := connected.session) and session.has_ticket:
        connected.context.keep(str(connected.server_hostname), session)


@functools.cache
def system_trust(extra_ca_file: str = "") -> ssl.SSLContext:
    """Return a client's context that trusts what the operating system trusts, and the certificates in a file.

    Takes some 30 ms the first time. A file that cannot be used is left out; the configuration warns of it.
    """
    context = _openssl_trust() or _truststore_context()
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
    context = ResumingContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    return context if context.cert_store_stats()["x509_ca"] else None


def _truststore_context() -> ssl.SSLContext:
    import truststore  # noqa: PLC0415 - most systems need no more than OpenSSL

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


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
