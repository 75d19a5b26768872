"""The home folder: `config.json`, `.env`, `proxy.log` and `state/`.

It may serve for something else too, such as a checkout of the source: nothing but these is touched in it.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HOME_VARIABLE = "CLAUDE_PROXY_HOME"


class HomeError(Exception):
    """There is no telling where the home folder is; the text says why."""


@dataclass(frozen=True, slots=True)
class Home:
    """Where one installation keeps its files; one proxy runs for each home."""

    root: Path

    @classmethod
    def find(cls, environ: Mapping[str, str]) -> Home:
        """Return the home that `$CLAUDE_PROXY_HOME` names, else `~/.claude-proxy`. Nothing is made yet.

        Raises `HomeError` where the system does not know the folder of the user, or of one that is named as `~name`.
        """
        named = environ.get(HOME_VARIABLE, "")
        try:
            return cls(Path(named or "~/.claude-proxy").expanduser().absolute())
        except (OSError, RuntimeError) as error:  # OSError: the folder that a relative one starts from is gone
            raise HomeError(f"{named or 'your own folder'} cannot be found on this system") from error

    @property
    def config(self) -> Path:
        """The user's settings."""
        return self.root / "config.json"

    @property
    def env(self) -> Path:
        """The user's keys."""
        return self.root / ".env"

    @property
    def log(self) -> Path:
        """What happened; older ones lie beside it."""
        return self.root / "proxy.log"

    @property
    def state(self) -> Path:
        """The folder for what only the program itself reads."""
        return self.root / "state"

    @property
    def token(self) -> Path:
        """What clients of this home's proxy show."""
        return self.state / "token"

    @property
    def running(self) -> Path:
        """Where the running proxy is found."""
        return self.state / "proxy.json"

    @property
    def memory(self) -> Path:
        """What the proxy remembers from one start to the next."""
        return self.state / "memory.json"

    def prepare(self) -> None:
        """Make the folders, open to their owner alone. Raises `OSError` where that cannot be."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.state.mkdir(exist_ok=True, mode=0o700)
        _close_to_others(self.root)
        _close_to_others(self.state)


def _close_to_others(folder: Path) -> None:
    """Take everyone else's rights away.

    On Windows modes mean nothing: there the user profile's own access list keeps others out, and folders inherit it.
    A folder of somebody else, or one that all share (sticky, as `/tmp` is), is left as it is.
    """
    if sys.platform == "win32":
        return
    facts = folder.stat()
    mode = stat.S_IMODE(facts.st_mode)
    if mode & 0o077 and facts.st_uid == os.geteuid() and not mode & stat.S_ISVTX:
        with contextlib.suppress(OSError):  # a file system without modes
            folder.chmod(0o700)
