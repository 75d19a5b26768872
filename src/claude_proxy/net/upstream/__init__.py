"""The way to the providers: a small, fast HTTP/1.1 client on httptools and asyncio transports.

    pool.py                   `HttpTransport`: keeps free connections by origin; replaces one that died while idle
      idle_limits.py          how long free connections to an origin are worth keeping
      connection.py           one socket: writes a request, feeds its answer, knows whether it can be used again
        incoming_message.py   parses an answer, without a socket: head, pieces of body, end
          head.py             which header fields are passed on, and how the body is framed
        answer.py             the answer as its reader sees it
          decoding.py         gzip and deflate, decoded piece by piece, within the reader's time
        deadline.py           one timer for all deadlines of a connection
      dialer.py               from an origin to a connected socket, within one time limit
        dns_cache.py          name look-ups that delay no other host
        tcp.py                a TCP connection to a host by name
        tunnel.py             the egress proxy: CONNECT, and NO_PROXY
        tls.py                trusted certificates, and the handshake

Every failure is an `UpstreamError` that says what happened and whether anything was sent.
"""

from claude_proxy.net.upstream.pool import HttpTransport

__all__ = ["HttpTransport"]
