"""Compressed bodies: cut anywhere they decode to the same, in steps of a bounded size, or are damaged all the same."""

from __future__ import annotations

import gzip
import zlib

from fuzz.source import Source, pieces

from claude_proxy.net.upstream.decoding import MAX_STEP_BYTES, decoder_for
from claude_proxy.proxy.ports import Failure, UpstreamError

MAX_DECODED = 4 * 1024 * 1024


def check(data: bytes) -> None:
    """Check one body: as it is, and compressed."""
    source = Source(data)
    coding = source.choice([b"gzip", b"deflate", b"x-gzip", b"br"])
    sizes = bytes(source.byte() for _ in range(source.byte() % 4))
    assert _decoded(coding, source.rest, b"") == _decoded(coding, source.rest, sizes)
    for name, body in ((b"gzip", gzip.compress(source.rest, 1)), (b"deflate", zlib.compress(source.rest, 1))):
        assert _decoded(name, body, sizes) == source.rest


def _decoded(coding: bytes, body: bytes, sizes: bytes) -> bytes | None:
    """Return what a body decodes to; None if it is damaged."""
    decoder, decoded = decoder_for(coding), list[bytes]()
    assert decoder is not None
    try:
        for piece in pieces(body, sizes):
            decoded.append(decoder.decode(piece))
            while decoder.pending and sum(map(len, decoded)) < MAX_DECODED:
                decoded.append(decoder.decode(b""))
        if not decoder.pending:
            decoded.append(decoder.finish())
    except UpstreamError as error:
        assert error.failure is Failure.UNDECODABLE
        return None
    assert all(len(step) <= MAX_STEP_BYTES for step in decoded)
    return b"".join(decoded)[:MAX_DECODED]
