"""The way to the providers: a small, fast HTTP/1.1 client on httptools and asyncio transports.

    HttpTransport (pool)  keeps free connections by origin, sends, tries once more where a kept one was dead
      Connection          one socket: writes a request, feeds its answer, knows whether it can be used again
        IncomingMessage   an answer as it comes, without a socket: head, pieces of body, end
          head            what of a head is passed on, and how the body is framed
        IncomingAnswer    the same for whoever reads it, at their pace
          decoding        gzip and deflate, undone piece by piece
        Alarm             one timer for all deadlines of a connection
      Dialer              from an origin to a connected socket, within one limit of time
        names             name look-up that keeps nobody waiting
        tcp, tunnel, tls  TCP; CONNECT and NO_PROXY; certificates and handshake

Every failure is an `UpstreamError` that says what happened and whether anything was sent.
"""

from claude_proxy.net.upstream.pool import HttpTransport

__all__ = ["HttpTransport"]
