"""proxy.log: one line for each exchange, and one for each event of the service itself.

    2026-11-22T14:02:31.123+01:00 exchange session=5f0c… prompt=0b1d… class=main kind=messages
    model=claude-opus-5-5->kimi-k3 provider=moonshot pinned=no stream=yes attempts=minimax=429/12ms,moonshot=200/830ms
    adapted=billing-block in=210 out=95 cache_read=0 cache_write=0 cost=0.001575 plan_cost=0 ending=complete status=200
    first_byte=842ms total=2310ms

(one line in the file; `log_line.py` reads it). The time is that of writing, so lines are in order. A value is a word
without spaces, so nothing from outside can look like another value or another line. There is never a key, a token or
content in it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from claude_proxy.core.text import printable, word
from claude_proxy.core.types import Account, Attempt, Ending
from claude_proxy.proxy.ports import Level
from claude_proxy.store.own_files import OTHERS, OWNER_ONLY, open_own

MAX_BYTES = 10 * 1024 * 1024
LEVELS: Final[tuple[Level, ...]] = ("debug", "info", "warning", "error")
_BROKEN: Final = frozenset({Ending.TRUNCATED, Ending.STALLED, Ending.ERROR, Ending.INTERNAL})
KEPT = 5
"""Older logs that are kept beside the current one: `proxy.log.1` is the newest."""


class LogLedger:
    """A `Journal` that appends to a file and never fails: a full disk costs log lines, not answers.

    Each line is one unbuffered append: it is there at once and whole, even if the process is killed.
    """

    def __init__(
        self, path: Path, *, level: Level = "info", max_bytes: int = MAX_BYTES, now: Callable[[], float] = time.time
    ) -> None:
        self._path = path
        self._lowest_level = LEVELS.index(level)
        self._max_bytes = max_bytes
        self._now = now
        self._descriptor: int | None = None
        self._torn = False
        self._warned = False
        self.problem = ""
        """Why the last line could not be written, in a sentence; empty if it was."""

    def record(self, account: Account) -> None:
        """Write the line of an exchange that is over: an error if it failed, a warning if only a provider did."""
        if LEVELS.index(_level_of(account)) >= self._lowest_level:
            self._append(f"exchange {_describe(account)}")

    def note(self, text: str, level: Level = "info") -> None:
        """Write a line about the service itself: started, configuration reloaded, a cooldown."""
        if LEVELS.index(level) >= self._lowest_level:
            self._append(f"service {printable(text, 1000)}")

    def close(self) -> None:
        """Close the file; a later line opens it again."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None

    def _append(self, text: str) -> None:
        line = f"{_timestamp(self._now())} {text}\n".encode(errors="replace")
        try:
            self._write(line)
        except OSError as error:
            self.close()
            self._warn(error)

    def _write(self, line: bytes) -> None:
        descriptor = self._ready(len(line))
        data = b"\n" + line if self._torn else line
        written = os.write(descriptor, data)
        self._torn = written < len(data)  # a full disk: the next line must not continue this one
        self.problem = ""

    def _ready(self, more: int) -> int:
        """Return the file to append `more` bytes to; a new one if the current one is full or was removed."""
        if self._descriptor is None:
            self._descriptor = _open(self._path)
        facts = os.fstat(self._descriptor)
        full = facts.st_size > 0 and facts.st_size + more > self._max_bytes
        if full or facts.st_nlink == 0:
            self.close()  # before renaming: Windows does not rename an open file
            if full:
                _rotate(self._path)
            self._descriptor = _open(self._path)
        return self._descriptor

    def _warn(self, error: OSError) -> None:
        self.problem = f"{self._path.name} cannot be written ({error.strerror}); nothing is logged"
        if self._warned:
            return
        self._warned = True
        with contextlib.suppress(OSError, ValueError, AttributeError):  # standard error may be closed or missing
            sys.stderr.write(f"warning: {self.problem}\n")


def _open(path: Path) -> int:
    descriptor = open_own(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    if os.name != "nt" and os.fstat(descriptor).st_mode & OTHERS:
        with contextlib.suppress(OSError):  # a file system without modes
            os.fchmod(descriptor, OWNER_ONLY)
    return descriptor


def _rotate(path: Path) -> None:
    """Shift the logs by one number; one that cannot be moved (on Windows, while it is being read) stays for now."""
    with contextlib.suppress(OSError):
        for number in range(KEPT - 1, 0, -1):
            with contextlib.suppress(FileNotFoundError):
                numbered(path, number).replace(numbered(path, number + 1))
        path.replace(numbered(path, 1))


def numbered(path: Path, number: int) -> Path:
    """Return the name of an older log; 1 is the newest."""
    return path.with_name(f"{path.name}.{number}")


def _level_of(account: Account) -> Level:
    if account.status >= 400 or account.ending in _BROKEN:
        return "info" if account.ending is Ending.CLIENT_LEFT else "error"
    return "warning" if len(account.attempts) > 1 else "info"


def _timestamp(epoch: float) -> str:
    return datetime.fromtimestamp(epoch).astimezone().isoformat(timespec="milliseconds")


def _describe(account: Account) -> str:
    usage = account.usage
    values = {
        "session": word(account.session),
        "prompt": word(account.hints.prompt),
        "class": word(account.hints.request_class),
        "kind": word(account.kind),
        "model": _models(account),
        "provider": word(account.provider),
        "pinned": _yes(account.pinned),
        "stream": _yes(account.streaming),
        "attempts": ",".join(map(_attempt, account.attempts)) or "-",
        "adapted": _adapted(account),
        "in": str(usage.input_tokens),
        "out": str(usage.output_tokens),
        "cache_read": str(usage.cache_read_input_tokens),
        "cache_write": str(usage.cache_creation_input_tokens),
        "cost": _dollars(account.cost),
        "plan_cost": _dollars(account.plan_cost),
        "ending": account.ending.value,
        "status": str(account.status),
        "first_byte": "-" if account.first_byte_ms is None else _ms(account.first_byte_ms),
        "total": _ms(account.total_ms),
    }
    return " ".join(f"{key}={value}" for key, value in values.items())


def _models(account: Account) -> str:
    if account.used_model in {"", account.requested_model}:
        return word(account.requested_model)
    return f"{word(account.requested_model)}->{word(account.used_model)}"


def _attempt(attempt: Attempt) -> str:
    return f"{word(attempt.provider)}={word(attempt.outcome)}/{_ms(attempt.milliseconds)}"


def _adapted(account: Account) -> str:
    """Return what was changed for the provider of the last attempt."""
    changes = account.attempts[-1].adapted if account.attempts else ()
    return ",".join(map(word, changes)) or "-"


def _dollars(amount: float | None) -> str:
    if amount is None:
        return "?"
    return f"{amount:.9f}".rstrip("0").rstrip(".") if amount else "0"


def _ms(milliseconds: float) -> str:
    return f"{milliseconds:.0f}ms"


def _yes(value: bool) -> str:
    return "yes" if value else "no"
