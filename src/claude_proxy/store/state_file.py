"""state/memory.json: what the proxy remembers from one start to the next.

One JSON object with a list for each table of `gateway.Memory`; who made which thinking (hashes), what was learned, how
many bytes a token has. Nothing of a conversation is in it but what a provider's error may quote, cut to 200 characters.
A row that is not as it should be is passed over; a file that is not ours is put aside, and all begins anew.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec

from claude_proxy.core.json_values import try_decode
from claude_proxy.core.learning.learned_rules import LIFETIME, LearnedRule
from claude_proxy.proxy.gateway import Memory
from claude_proxy.proxy.ports import Journal
from claude_proxy.store.files import read_up_to, write_private

FORMAT: Final = 1
MAX_BYTES: Final = 16 * 1024 * 1024
"""All tables full come to 8 MB; more than this was not written by us."""

WRITE_EVERY: Final = 5.0
"""Seconds between two writings at the least: what is lost with a crash is learned anew."""

MAX_WORD: Final = 200
"""Characters of any text in a row."""

_Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]
_Name = Annotated[str, msgspec.Meta(max_length=MAX_WORD)]


@dataclass(frozen=True, slots=True)
class _Section:
    """One table: how its rows are got, what a row is, how one is taken up."""

    name: str
    rows: Callable[[Memory, float], Iterable[object]]
    row: msgspec.json.Decoder[Any]
    take_up: Callable[[Memory, Any, float], None]


def _take_up_origin(memory: Memory, row: tuple[str, str, float], now: float) -> None:
    digest, provider, at = row
    memory.signature_owners.restore(digest, provider, min(at, now))  # later where the clock was set back


def _take_up_lesson(memory: Memory, learned: LearnedRule, now: float) -> None:
    words = (learned.provider, learned.model, learned.rule.name, learned.message)
    if (
        0 <= learned.at <= learned.expires
        and now < learned.expires <= now + LIFETIME
        and all(len(word) <= MAX_WORD for word in words)
    ):
        memory.learned_rules.keep(learned)


_SECTIONS: Final = (
    _Section(
        "origins",
        lambda memory, now: memory.signature_owners.kept(now),
        msgspec.json.Decoder(tuple[_Digest, _Name, float]),
        _take_up_origin,
    ),
    _Section(
        "lessons",
        lambda memory, now: memory.learned_rules.kept(now),
        msgspec.json.Decoder(LearnedRule),
        _take_up_lesson,
    ),
    _Section(
        "tokens",
        lambda memory, _: memory.tokens.kept(),
        msgspec.json.Decoder(tuple[tuple[_Name, _Name], float]),
        lambda memory, row, _: memory.tokens.restore(*row),
    ),
)


class _Document(msgspec.Struct):
    format: int
    tables: dict[str, list[msgspec.Raw]]


_document = msgspec.json.Decoder(_Document)


def recall(path: Path, memory: Memory, now: float) -> str:
    """Take up what a file holds; return what is wrong with it, an empty text where nothing is or it is not there."""
    try:
        data = read_up_to(path, MAX_BYTES) or b""
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{path} cannot be read ({error.strerror}): what was remembered there is not known"
    document = try_decode(_document, data) if len(data) <= MAX_BYTES else None
    if document is None or document.format != FORMAT:
        return f"{path} is damaged{_put_aside(path)}: what was remembered there is not known"
    for section in _SECTIONS:
        for raw in document.tables.get(section.name, ()):
            row = try_decode(section.row, bytes(raw))
            if row is not None:
                section.take_up(memory, row, now)
    return ""


def _put_aside(path: Path) -> str:
    aside = path.with_name(f"{path.name}.damaged")
    with contextlib.suppress(OSError):
        path.replace(aside)
        return f", and now lies beside it as {aside.name}"
    return ""


def written(memory: Memory, now: float) -> bytes:
    """Return the content of the file."""
    tables = {section.name: list(section.rows(memory, now)) for section in _SECTIONS}
    return msgspec.json.encode({"format": FORMAT, "tables": tables}) + b"\n"


class StateFile:
    """Keeps a memory in its file while the proxy runs. It never fails: a full disk costs a note, not an answer."""

    def __init__(self, path: Path, memory: Memory, journal: Journal) -> None:
        self._path = path
        self._memory = memory
        self._journal = journal
        self._writing: asyncio.Future[None] | None = None
        self._not_before = 0.0
        self._failed = False
        self._kept = memory.changes

    def recall(self, now: float) -> None:
        """Take up what the file holds."""
        if wrong := recall(self._path, self._memory, now):
            self._journal.note(wrong, "warning")
        self._kept = self._memory.changes

    def look(self, now: float) -> None:
        """Begin to write where something has changed, and the last time is long enough ago; in a thread of its own."""
        loop = asyncio.get_running_loop()
        if self._writing or self._memory.changes == self._kept or loop.time() < self._not_before:
            return
        self._not_before = loop.time() + WRITE_EVERY
        self._kept = self._memory.changes
        self._writing = loop.run_in_executor(None, write_private, self._path, written(self._memory, now))
        self._writing.add_done_callback(self._done)

    async def close(self, now: float) -> None:
        """Write what has changed, and wait for it."""
        for _ in range(2):  # the writing that is under way, then what has changed since
            if self._writing:
                await asyncio.wait([self._writing])
            self._not_before = 0.0
            self.look(now)
        if self._writing:
            await asyncio.wait([self._writing])

    def _done(self, writing: asyncio.Future[None]) -> None:
        self._writing = None
        error = writing.exception()
        if error:
            self._kept = -1  # to be tried again
        if error and not self._failed:
            reason = error.strerror if isinstance(error, OSError) else type(error).__name__
            self._journal.note(f"{self._path} cannot be written ({reason}): it is remembered until the end", "warning")
        self._failed = error is not None
