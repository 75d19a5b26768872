"""Hashes of what a provider got: all that is kept of a conversation's content.

They are Python's own hashes of bytes, which are keyed anew in each process: they can be compared with each other, and
say nothing outside of it. At 3 GB a second they are the cheapest that Python has.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

import msgspec

from claude_proxy.core.cache_doctor.prompt_pieces import SETTINGS, SYSTEM, SentPrompt

PROVEN: Final = 0.8
"""The part of a conversation, from its beginning, that a provider's own count proves to be as it was. A count that is a
tenth too small, or pieces with more bytes a token than others, do not matter then."""

_MARK: Final = b'"cache_control"'
_MARKS: Final = re.compile(rb'"cache_control"\s*+:\s*+(?:null|\{[^{}]*+\})')
MAX_MARKS: Final = 64
"""Marks that are looked for in a piece. The API takes four in all."""
_COMMA: Final = re.compile(rb"\s*+,?+\s*+")
_HOUR: Final = re.compile(rb'"ttl"\s*+:\s*+"1h"')
_BILLING: Final = re.compile(rb'"x-anthropic-billing-header(?:[^"\\]|\\[^n])*+(?:\\n)*+')
"""Anthropic reads over it, and it differs from request to request."""
_CONTENT: Final = b'"content":'
_TEXT_BLOCK: Final = _CONTENT + b'[{"type":"text","text":'
_END_OF_BLOCKS: Final = b"}]"
"""Claude Code writes a text as a block if it marks it, and as a plain text when it marks a later one."""
_HEAD: Final = 96
"""Bytes of a message in which its content begins."""


class Fingerprint(msgspec.Struct, frozen=True, gc=False):
    """The pieces of a prompt: their sizes, hashes as they were sent, and hashes of what counts for a cache."""

    sizes: array[int]
    sent: array[int]
    counting: array[int]
    marked: bool
    """Whether any of them has a mark that asks a provider to cache it."""
    for_an_hour: bool
    """Whether the last marks that were seen ask for an hour."""

    def __len__(self) -> int:
        return len(self.sizes)

    def __repr__(self) -> str:
        return f"<Fingerprint of {len(self)} pieces, {sum(self.sizes)} bytes>"


NOTHING: Final = Fingerprint(array("L"), array("q"), array("q"), marked=False, for_an_hour=False)


def take_fingerprint(prompt: SentPrompt, known: Fingerprint = NOTHING, *, proven: bool = False) -> Fingerprint | None:
    """Return a prompt's fingerprint; None if it can't be taken.

    What is as in a `known` one is not looked at again. `proven`: the provider has read that one from its cache, so that
    most of it needs no hash either, if the sizes are the same.
    """
    pieces = prompt.pieces()
    if pieces is None:
        return None
    sizes = array("L", map(len, pieces))
    start = _proven_pieces(sizes, known.sizes) if proven else 0
    sent = known.sent[:start]
    sent.extend([hash(bytes(piece)) for piece in pieces[start:]])
    counting, marks = known.counting[: len(pieces)], _Marks()
    counting.extend(sent[len(counting) :])
    for place in _differing(sent, known.sent):
        text = bytes(pieces[place])
        counting[place] = hash(_as_read(marks.take_from(text) if _MARK in text else text, place))
    for_an_hour = marks.for_an_hour if marks.found else known.for_an_hour
    return Fingerprint(sizes, sent, counting, marks.found or known.marked, for_an_hour)


def _differing(sent: array[int], known: array[int]) -> Iterator[int]:
    """Yield the places of the pieces that are not as they were."""
    yield from [place for place, (one, other) in enumerate(zip(sent, known, strict=False)) if one != other]
    yield from range(len(known), len(sent))


class _Marks:
    """The cache marks that are found in pieces."""

    __slots__ = ("for_an_hour", "found")

    def __init__(self) -> None:
        self.found = self.for_an_hour = False

    def take_from(self, text: bytes) -> bytes:
        """Return a piece without its marks, and without the comma before or behind each."""
        kept, parts = 0, list[bytes]()
        for mark in islice(_MARKS.finditer(text), MAX_MARKS):
            self.found = True
            self.for_an_hour = self.for_an_hour or _HOUR.search(mark[0]) is not None
            before, end = text[kept : mark.start()].rstrip(), mark.end()
            if before.endswith(b","):
                before = before[:-1]
            else:
                comma = _COMMA.match(text, end)
                end = comma.end() if comma else end
            parts.append(before)
            kept = end
        return b"".join((*parts, text[kept:]))


def _proven_pieces(sizes: Sequence[int], known: Sequence[int]) -> int:
    left, count = int(PROVEN * sum(known)), 0
    for size, before in zip(sizes, known, strict=False):
        left -= size
        if size != before or left < 0:
            break
        count += 1
    return count


def _as_read(text: bytes, place: int) -> bytes:
    """Return a piece as a provider's cache sees it."""
    if place == SYSTEM:
        return _BILLING.sub(b'"', text, MAX_MARKS) if b'"x-anthropic-billing-header' in text else text
    return _with_plain_text(text) if place > SETTINGS else text


def _with_plain_text(message: bytes) -> bytes:
    """Return a message whose first block is a text without the marks of a list and of a block around its content.

    Then one text is the same in both ways to write it. Of more blocks, no plain text becomes the same.
    """
    start = message.find(_TEXT_BLOCK, 0, _HEAD)
    if start < 0:
        return message
    words, end = start + len(_TEXT_BLOCK), message.rfind(_END_OF_BLOCKS)
    return message[:start] + _CONTENT + message[words:end] + message[end + len(_END_OF_BLOCKS) :]
