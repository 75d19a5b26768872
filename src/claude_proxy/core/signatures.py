"""The signatures of thinking in an answer: hashes of them, made while it is relayed.

A signature comes in one `signature_delta`, in several, or in the `content_block_start` already; for redacted thinking,
the `data` takes its place. What is hashed is what a client may send back: all pieces together, and the last one, since
some clients keep only that.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

import msgspec

from claude_proxy.core.json_values import read_first, read_text, try_decode
from claude_proxy.core.provenance import digest_of, start_digest

MAX_SIGNATURES: Final = 256
"""Signatures that are noted of one answer; with interleaved thinking, real ones hold some dozens."""

_SIGNATURE: Final = b'"signature"'
_REDACTED: Final = b'"redacted_thinking"'
"""Parts of the JSON of a block with a signature; inside a text the quotes would have backslashes before them."""
NEEDLE_IN_DELTA: Final = _SIGNATURE
"""What of these a `content_block_delta` may hold."""

MAX_MARK_BYTES: Final = 1024 * 1024
"""Bytes of the longest signature that is noted: all the thinking of an answer, 128,000 tokens, takes as much."""

MAX_BLOCKS: Final = 1024
"""Blocks of an answer in which signatures are looked for."""

_ABSENT: Final = msgspec.Raw(b"")


class _Block(msgspec.Struct):
    type: msgspec.Raw = _ABSENT
    signature: msgspec.Raw = _ABSENT  # in blocks of other types both may be anything
    data: msgspec.Raw = _ABSENT

    def read_mark(self) -> str:
        """Return what identifies its maker; an empty text if nothing does."""
        mark = self.data if bytes(self.type) == _REDACTED else self.signature
        return read_text(mark) or "" if 0 < len(mark) <= MAX_MARK_BYTES else ""


class _Event(msgspec.Struct):
    index: int = 0
    content_block: _Block | None = None
    delta: _Block | None = None


class _Answer(msgspec.Struct):
    content: msgspec.Raw = _ABSENT


_event = msgspec.json.Decoder(_Event)
_answer = msgspec.json.Decoder(_Answer)
_block = msgspec.json.Decoder(_Block)


class Signatures:
    """Gathers the signatures of one stream, in a bounded space whatever their length."""

    __slots__ = ("_growing",)

    def __init__(self) -> None:
        self._growing: dict[int, _Growing] = {}

    def read(self, data: bytes) -> None:
        """Read the data of a `content_block_start` or a `content_block_delta`."""
        if not _may_hold_signature(data):
            return
        event = try_decode(_event, data) or _Event()
        block = event.delta or event.content_block
        mark = block.read_mark() if block else ""
        if mark and (event.index in self._growing or len(self._growing) < MAX_SIGNATURES):
            self._growing.setdefault(event.index, _Growing()).add(mark)

    def take_hashes(self) -> list[str]:
        """Return the hashes of the signatures that have come, and forget them."""
        hashes = [digest for growing in self._growing.values() for digest in growing.hashes()]
        self._growing = {}
        return hashes


class _Growing:
    """A signature that comes in pieces."""

    __slots__ = ("_last", "_whole")

    def __init__(self) -> None:
        self._whole = start_digest("")
        self._last = ""

    def add(self, piece: str) -> None:
        self._whole.update(piece.encode())
        self._last = digest_of(piece)

    def hashes(self) -> set[str]:
        return {self._whole.hexdigest(), self._last}


def signatures_in(body: bytes) -> list[str]:
    """Return the hashes of the signatures in an answer that is not streamed."""
    answer = try_decode(_answer, body) if _may_hold_signature(body) else None
    marks = islice(_marks(answer.content), MAX_SIGNATURES) if answer else ()
    return [digest_of(mark) for mark in marks]


def _marks(content: msgspec.Raw) -> Iterator[str]:
    for raw in read_first(MAX_BLOCKS, content) or ():
        written = bytes(raw)
        block = try_decode(_block, written) if _may_hold_signature(written) else None
        mark = block.read_mark() if block else ""
        if mark:
            yield mark


def _may_hold_signature(data: bytes) -> bool:
    return data.find(_SIGNATURE) >= 0 or data.find(_REDACTED) >= 0
