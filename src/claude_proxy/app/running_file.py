"""Keeps `state/proxy.json` true while the proxy runs: a file that was removed, emptied or damaged is written again."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import Final, TypeAlias

from claude_proxy.app.file_warnings import FileWarnings
from claude_proxy.store.home import Home
from claude_proxy.store.running import Running

LOOK_INTERVAL: Final = 1.0
"""Seconds between two looks at the file; a look costs one `stat`."""

_Stat: TypeAlias = tuple[int, int, int] | None


class RunningFile:
    """The file of one running proxy, from its start to its end, also while it drains."""

    def __init__(self, home: Home, running: Running, warnings: FileWarnings) -> None:
        self._home = home
        self._running = running
        self._warnings = warnings
        self._seen: _Stat = None
        self._next: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Write the file, and look at it from now on."""
        self._warnings.try_to_write(self._running)
        self._seen = self._stat()
        self._plan()

    def stop(self) -> None:
        """Remove the file, if it is this proxy's."""
        if self._next:
            self._next.cancel()
        with contextlib.suppress(OSError):  # a disk that cannot be written any more
            self._running.remove(self._home.running)

    def _plan(self) -> None:
        self._next = asyncio.get_running_loop().call_later(LOOK_INTERVAL, self._look)

    def _look(self) -> None:
        self._plan()
        now = self._stat()
        if now is not None and now == self._seen:
            return
        if not self._is_true():
            self._warnings.try_to_write(self._running)
        self._seen = self._stat()

    def _is_true(self) -> bool:
        """Whether the file names this proxy, or one that was started later: that took the home over."""
        named = Running.read(self._home.running)
        return named is not None and (named == self._running or named.started_at > self._running.started_at)

    def _stat(self) -> _Stat:
        try:
            facts = os.stat(self._home.running)  # noqa: PTH116 - half the time of pathlib's
        except OSError:
            return None
        return facts.st_mtime_ns, facts.st_size, facts.st_ino
