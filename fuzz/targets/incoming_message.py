"""An answer of a provider: cut anywhere it is the same, and it never ends twice."""

from __future__ import annotations

from fuzz.source import Source, pieces

from claude_proxy.net.upstream.incoming_message import IncomingMessage


def check(data: bytes) -> None:
    """Check the bytes of one connection."""
    source = Source(data)
    sizes = bytes(source.byte() for _ in range(source.byte() % 4))
    whole, cut = _read(source.rest, b""), _read(source.rest, sizes)
    assert whole == cut, (whole, cut)


def _read(data: bytes, sizes: bytes) -> tuple[object, ...]:
    message, body, more_follows = IncomingMessage("fuzz:80"), b"", False
    for piece in pieces(data, sizes):
        if message.over:
            # the connection is closed then; blank lines between answers do no harm
            more_follows = more_follows or piece.strip(b"\r\n") != b""
            continue
        message.feed(piece)
        while message.pieces:
            body += message.take()
        assert message.unread == 0
    ended_by_itself = message.over
    message.connection_lost(None)
    assert message.over
    head, error = message.head, message.error
    if head is not None:
        assert 200 <= head.status <= 999
    if error is not None:
        assert not message.reusable
    return (
        None if head is None else (head.status, head.headers),
        b"" if error else body,
        error and error.failure,
        ended_by_itself and not more_follows and message.reusable,
    )
