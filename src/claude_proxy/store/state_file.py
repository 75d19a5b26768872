"""state/memory.json: what the proxy remembers from one start to the next.

One JSON object with a list for each table of `gateway.Memory`: which provider signed which thinking (hashes), the
learned rules, how many bytes a token has, which providers are in cooldown. Nothing of a conversation is in it but what
a provider's error may quote, cut to 200 characters. A row that is not valid is skipped. A file that is not ours is put
aside, and the proxy starts without it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec

from claude_proxy.core.cooldowns import KeptCooldown
from claude_proxy.core.json_values import try_decode
from claude_proxy.core.learning.learned_rules import LIFETIME, LearnedRule
from claude_proxy.core.traits import Rule
from claude_proxy.core.upstream_names import UpstreamNames
from claude_proxy.proxy.gateway import Memory
from claude_proxy.proxy.ports import Journal
from claude_proxy.store.files import write_private
from claude_proxy.store.own_files import read_own

FORMAT: Final = 1
MAX_BYTES: Final = 64 * 1024 * 1024
"""All tables full of the longest words come to 46 MB; more than this was not written by us."""

WRITE_EVERY: Final = 5.0
"""The least number of seconds between two writes: what a crash loses is learned anew."""

MAX_WORD: Final = 200
"""Characters of any text in a row. Nothing is kept of an upstream with a longer address."""

_NO_NAMES: Final = UpstreamNames()

_LOST: Final = "The proxy starts without what it had remembered there."

_Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]
_Name = Annotated[str, msgspec.Meta(max_length=MAX_WORD)]


class _Section(msgspec.Struct, frozen=True, gc=False):
    """One table: how to get its rows, how to decode one, how to restore one."""

    name: str
    rows: Callable[[Memory, float], Iterable[object]]
    row: msgspec.json.Decoder[Any]
    restore: Callable[[_Restoring, Any], None]


class _Restoring(msgspec.Struct, frozen=True, gc=False):
    """A file that is being read: at `now`, into `memory`. A row may have a provider's name in place of its upstream."""

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

    def cooldown(self, row: tuple[str, KeptCooldown]) -> None:
        self.memory.cooldowns.restore(*row, self.now)

    def ratio(self, row: tuple[tuple[str, str], float]) -> None:
        (upstream, model), ratio = row
        self.memory.tokens.restore((self.names.upstream(upstream), model), ratio)


class _RuleRow(msgspec.Struct):
    """A `LearnedRule` as it is written, or, with the name of a provider, as earlier versions wrote it."""

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
        _Restoring.owner,
    ),
    _Section(
        "lessons",
        lambda memory, now: [rule for rule in memory.learned_rules.kept(now) if len(rule.upstream) <= MAX_WORD],
        msgspec.json.Decoder(_RuleRow),
        _Restoring.rule,
    ),
    _Section(
        "tokens",
        lambda memory, _: [row for row in memory.tokens.kept() if len(row[0][0]) <= MAX_WORD],
        msgspec.json.Decoder(tuple[tuple[_Name, _Name], float]),
        _Restoring.ratio,
    ),
    _Section(
        "cooldowns",
        lambda memory, _: memory.cooldowns.entries(),
        msgspec.json.Decoder(tuple[_Digest, KeptCooldown]),
        _Restoring.cooldown,
    ),
)


class _Document(msgspec.Struct):
    format: int
    tables: dict[str, list[msgspec.Raw]]


_document = msgspec.json.Decoder(_Document)


def read_state(path: Path, memory: Memory, now: float, names: UpstreamNames = _NO_NAMES) -> str:
    """Restore what a file holds. Return what is wrong with it: an empty text if nothing is, or if there is no file.

    Files of earlier versions have the names of providers: one in `names` is taken as its upstream.
    """
    try:
        data = read_own(path, MAX_BYTES) or b""
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{path} cannot be read ({error.strerror}). {_LOST}"
    document = try_decode(_document, data) if len(data) <= MAX_BYTES else None
    if document is None or document.format != FORMAT:
        return f"{path} is damaged{_put_aside(path)}. {_LOST}"
    restoring = _Restoring(memory, names, now)
    for section in _SECTIONS:
        for raw in document.tables.get(section.name, ()):
            row = try_decode(section.row, bytes(raw))
            if row is not None:
                section.restore(restoring, row)
    return ""


def _put_aside(path: Path) -> str:
    aside = path.with_name(f"{path.name}.damaged")
    with contextlib.suppress(OSError):
        path.replace(aside)
        return f" (now {aside.name})"
    return ""


def encode_state(memory: Memory, now: float) -> bytes:
    """Return the content of the file."""
    tables = {section.name: list(section.rows(memory, now)) for section in _SECTIONS}
    return msgspec.json.encode({"format": FORMAT, "tables": tables}) + b"\n"


class StateFile:
    """Keeps a memory in its file while the proxy runs. It never fails: a full disk costs a log line, not an answer."""

    def __init__(self, path: Path, memory: Memory, journal: Journal) -> None:
        self._path = path
        self._memory = memory
        self._journal = journal
        self._writing: asyncio.Future[None] | None = None
        self._not_before = 0.0
        self._failed = False
        self._written = memory.changes

    def load(self, now: float, names: UpstreamNames = _NO_NAMES) -> None:
        """Restore what the file holds."""
        if problem := read_state(self._path, self._memory, now, names):
            self._journal.note(problem, "warning")
        self._written = self._memory.changes

    def write_if_due(self, now: float) -> None:
        """Begin to write, in another thread, if something has changed and the last write is long enough ago."""
        loop = asyncio.get_running_loop()
        if self._writing or self._memory.changes == self._written or loop.time() < self._not_before:
            return
        self._not_before = loop.time() + WRITE_EVERY
        self._written = self._memory.changes
        self._writing = loop.run_in_executor(None, write_private, self._path, encode_state(self._memory, now))
        self._writing.add_done_callback(self._done)

    async def close(self, now: float) -> None:
        """Write what has changed, and wait for it."""
        for _ in range(2):  # the write that is running, then what has changed since
            if self._writing:
                await asyncio.wait([self._writing])
            self._not_before = 0.0
            self.write_if_due(now)
        if self._writing:
            await asyncio.wait([self._writing])

    def _done(self, writing: asyncio.Future[None]) -> None:
        self._writing = None
        error = writing.exception()
        if error:
            self._written = -1  # try again
        if error and not self._failed:
            reason = error.strerror if isinstance(error, OSError) else type(error).__name__
            text = f"{self._path} cannot be written ({reason}): what is remembered is lost when the proxy stops"
            self._journal.note(text, "warning")
        self._failed = error is not None
