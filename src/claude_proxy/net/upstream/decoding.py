"""Decodes bodies that a provider compresses although it was asked for `identity`."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from typing import Protocol

from claude_proxy.core.types import Headers
from claude_proxy.proxy.ports import Answer, Failure, UpstreamError

MAX_STEP_BYTES = 32 * 1024
"""The most that one step returns, as much as one read of a plain body: few compressed bytes can stand for gigabytes."""

MAX_INPUT_BYTES = 32 * 1024
"""The most that one step takes. Each step copies what it leaves, and a body of tiny gzip members has many steps."""

GZIP_MAGIC = 0x1F
"""The first byte of a gzip body; no JSON, no event and no page begins with it."""

_ZLIB_OR_GZIP = 32 + zlib.MAX_WBITS
_RAW_DEFLATE = -zlib.MAX_WBITS


class Decoder(Protocol):
    """Undoes the content-encoding of one body, piece by piece. Each method raises `UpstreamError` (UNDECODABLE)."""

    @property
    def pending(self) -> bool:
        """Whether `decode(b"")` may return more without new input."""
        ...

    def decode(self, data: bytes) -> bytes:
        """Return the next piece, of a bounded size; it may be empty."""
        ...

    def finish(self) -> bytes:
        """Check, after the last byte, that the body was complete. Returns `b""`."""
        ...


class DecodedAnswer:
    """An answer whose body arrives compressed and is read decompressed. `now` is a clock that never goes back."""

    __slots__ = ("_answer", "_decoder", "_now")

    def __init__(self, answer: Answer, decoder: Decoder, now: Callable[[], float]) -> None:
        self._answer = answer
        self._decoder = decoder
        self._now = now

    @property
    def status(self) -> int:
        return self._answer.status

    @property
    def waited(self) -> float:
        return self._answer.waited

    @property
    def headers(self) -> Headers:
        return self._answer.headers

    async def read(self, timeout: float) -> bytes:
        """Return a piece of the decoded body, as `ports.Answer` promises; it is at most `MAX_STEP_BYTES` long.

        What arrives may decode to nothing, again and again: the time is one for the whole call.
        """
        due = self._now() + timeout
        left = timeout
        while True:
            if self._decoder.pending:
                await asyncio.sleep(0)  # a few bytes can take seconds to decode: let other requests go on
                data = b""
            else:
                data = await self._answer.read(left)
            ended = not data and not self._decoder.pending
            decoded = self._decoder.finish() if ended else self._decoder.decode(data)
            if decoded or ended:
                return decoded
            left = due - self._now()
            if left <= 0:
                raise TimeoutError

    def close(self) -> None:
        """Release the connection, as `ports.Answer` promises."""
        self._answer.close()


_INFLATED = frozenset({b"gzip", b"x-gzip", b"deflate"})
_OTHER_CODINGS = frozenset(
    {b"aes128gcm", b"br", b"compress", b"x-compress", b"dcb", b"dcz", b"exi", b"pack200-gzip", b"zstd"}
)
"""The rest of the IANA's registry of content codings."""


def decoder_for(coding: bytes) -> Decoder | None:
    """Return the decoder for the value of a `content-encoding` header; None if the body is not encoded.

    A word that is no coding (`none`, `utf-8`) says nothing of the body, as for browsers and undici. Two codings are not
    undone: servers that name gzip twice compress once or twice, and nothing says which.
    """
    if not coding:
        return None
    words = [word.partition(b";")[0].strip() for word in coding.lower().split(b",")]
    codings = [word for word in words if word in _INFLATED or word in _OTHER_CODINGS]
    if not codings:
        return None
    return _Inflater() if len(codings) == 1 and codings[0] in _INFLATED else _Unknown()


def inflater() -> Decoder:
    """Return a decoder for a body that is gzip by its first byte."""
    return _Inflater()


class _Inflater:
    """gzip and deflate; the latter with zlib's frame (as the standard says) or without (as some servers send it).

    A gzip body may have several members, one behind the other (RFC 1952, 2.2), and zeros between and behind them, as
    gzip itself and Python's `gzip` accept. Behind a deflate body nothing may follow.
    """

    __slots__ = ("_gzip", "_inflate", "_rest", "pending")

    def __init__(self) -> None:
        self._inflate: zlib._Decompress | None = None
        self._gzip = False
        self._rest = memoryview(b"")
        self.pending = False

    def decode(self, data: bytes) -> bytes:
        if data:
            self._rest = memoryview(bytes(self._rest) + data if self._rest else data)
        decoded = b""
        if self._is_between_members():
            self._begin_member()
        if self._inflate is not None and not self._inflate.eof:
            decoded = self._step(self._inflate)
        # zlib may have consumed all of the data and still hold some of its output
        self.pending = bool(self._rest) or len(decoded) == MAX_STEP_BYTES
        return decoded

    def finish(self) -> bytes:
        if self._inflate is not None and not self._inflate.eof:
            raise _undecodable("the compressed body is not complete")
        return b""

    def _is_between_members(self) -> bool:
        return self._inflate is None or self._inflate.eof

    def _begin_member(self) -> None:
        """Take the next byte as the first one of a body or member; skip zeros in front of a further member."""
        if self._inflate is not None and self._gzip and self._rest and not self._rest[0]:
            self._rest = memoryview(bytes(self._rest).lstrip(b"\0"))
        if not self._rest:
            return
        first = self._rest[0]
        if self._inflate is None:
            self._gzip = first == GZIP_MAGIC
        elif not (self._gzip and first == GZIP_MAGIC):
            raise _undecodable("something follows the compressed body")
        self._inflate = zlib.decompressobj(_window(first))

    def _step(self, inflate: zlib._Decompress) -> bytes:
        piece = self._rest[:MAX_INPUT_BYTES]
        try:
            decoded = inflate.decompress(piece, MAX_STEP_BYTES)
        except zlib.error:
            raise _undecodable("the compressed body is damaged") from None
        left = len(inflate.unused_data if inflate.eof else inflate.unconsumed_tail)
        self._rest = self._rest[len(piece) - left :]
        return decoded


class _Unknown:
    """A coding that was not asked for. An empty body is fine all the same."""

    __slots__ = ()

    pending = False

    def decode(self, data: bytes) -> bytes:
        if data:
            raise _undecodable("the body comes in a content-encoding that was not asked for")
        return b""

    def finish(self) -> bytes:
        return b""


def _window(first: int) -> int:
    """Return zlib's `wbits` by a body's first byte: gzip starts with 0x1f, a zlib frame with compression method 8."""
    return _ZLIB_OR_GZIP if first == GZIP_MAGIC or first & 0x0F == zlib.DEFLATED else _RAW_DEFLATE


def _undecodable(text: str) -> UpstreamError:
    return UpstreamError(Failure.UNDECODABLE, text, sent=True)
