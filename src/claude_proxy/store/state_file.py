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
from claude_proxy.core.traits import Rule
from claude_proxy.core.upstream_names import UpstreamNames
from claude_proxy.proxy.gateway import Memory
from claude_proxy.proxy.ports import Journal
from claude_proxy.store.files import read_up_to, write_private

FORMAT: Final = 1
MAX_BYTES: Final = 32 * 1024 * 1024
"""All tables full of the longest words come to 26 MB; more than this was not written by us."""

WRITE_EVERY: Final = 5.0
"""Seconds between two writings at the least: what is lost with a crash is learned anew."""

MAX_WORD: Final = 200
"""Characters of any text in a row. Nothing is kept of an upstream with a longer address."""

_NO_NAMES: Final = UpstreamNames()

_Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]
_Name = Annotated[str, msgspec.Meta(max_length=MAX_WORD)]


@dataclass(frozen=True, slots=True)
class _Section:
    """One table: how its rows are got, what a row is, how one is taken up."""

    name: str
    rows: Callable[[Memory, float], Iterable[object]]
    row: msgspec.json.Decoder[Any]
    take_up: Callable[[_Recalling, Any], None]


@dataclass(frozen=True, slots=True)
class _Recalling:
    """A file that is being read: at `now`, into `memory`. In a row, a name may stand for its provider's upstream."""

    memory: Memory
    names: UpstreamNames
    now: float

    def owner(self, row: tuple[str, str, float]) -> None:
        digest, upstream, at = row
        at = min(at, self.now)  # later if the clock was set back
        self.memory.signature_owners.restore(digest, self.names.upstream(upstream), at)

    def rule(self, row: _RuleRow) -> None:
        upstream = self.names.upstream(row.upstream or row.provider)
        words = (upstream, row.model, row.rule.name, row.message)
        if (
            upstream
            and 0 <= row.at <= row.expires
            and self.now < row.expires <= self.now + LIFETIME
            and all(len(word) <= MAX_WORD for word in words)
        ):
            self.memory.learned_rules.keep(LearnedRule(upstream, row.model, row.rule, row.at, row.expires, row.message))

    def ratio(self, row: tuple[tuple[str, str], float]) -> None:
        (upstream, model), ratio = row
        self.memory.tokens.restore((self.names.upstream(upstream), model), ratio)


class _RuleRow(msgspec.Struct):
    """A `LearnedRule` as it is written, or as it was: with the name of a provider."""

    model: str
    rule: Rule
    at: float
    expires: float
    message: str
    upstream: str = ""
    provider: str = ""


_SECTIONS: Final = (
    _Section(
        "origins",
        lambda memory, now: [row for row in memory.signature_owners.kept(now) if len(row[1]) <= MAX_WORD],
        msgspec.json.Decoder(tuple[_Digest, _Name, float]),
        _Recalling.owner,
    ),
    _Section(
        "lessons",
        lambda memory, now: [one for one in memory.learned_rules.kept(now) if len(one.upstream) <= MAX_WORD],
        msgspec.json.Decoder(_RuleRow),
        _Recalling.rule,
    ),
    _Section(
        "tokens",
        lambda memory, _: [row for row in memory.tokens.kept() if len(row[0][0]) <= MAX_WORD],
        msgspec.json.Decoder(tuple[tuple[_Name, _Name], float]),
        _Recalling.ratio,
    ),
)


class _Document(msgspec.Struct):
    format: int
    tables: dict[str, list[msgspec.Raw]]


_document = msgspec.json.Decoder(_Document)


def recall(path: Path, memory: Memory, now: float, names: UpstreamNames = _NO_NAMES) -> str:
    """Take up what a file holds; return what is wrong with it, an empty text if nothing is or there is no file.

    Files of earlier versions have the names of providers: one in `names` is taken as its upstream.
    """
    try:
        data = read_up_to(path, MAX_BYTES) or b""
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{path} cannot be read ({error.strerror}): what was remembered there is not known"
    document = try_decode(_document, data) if len(data) <= MAX_BYTES else None
    if document is None or document.format != FORMAT:
        return f"{path} is damaged{_put_aside(path)}: what was remembered there is not known"
    recalling = _Recalling(memory, names, now)
    for section in _SECTIONS:
        for raw in document.tables.get(section.name, ()):
            row = try_decode(section.row, bytes(raw))
            if row is not None:
                section.take_up(recalling, row)
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

    def recall(self, now: float, names: UpstreamNames = _NO_NAMES) -> None:
        """Take up what the file holds."""
        if wrong := recall(self._path, self._memory, now, names):
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
