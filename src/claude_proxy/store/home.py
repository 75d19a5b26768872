"""The home folder: `config.json`, `.env`, `proxy.log` and `state/`.

The folder may have another use too, such as a checkout of the source: nothing else in it is touched.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from claude_proxy.store.own_files import OTHERS, foreign_owner

HOME_VARIABLE = "CLAUDE_PROXY_HOME"


class HomeError(Exception):
    """It is not known where the home folder is; the text says why."""


@dataclass(frozen=True, slots=True)
class Home:
    """The folder in which one installation keeps its files. One proxy runs for each home."""

    root: Path

    @classmethod
    def find(cls, environ: Mapping[str, str]) -> Home:
        """Return the home that `$CLAUDE_PROXY_HOME` names, else `~/.claude-proxy`. It makes nothing.

        Raises `HomeError` if the system does not know the user's own folder, or that of the user in `~name`, or if
        another user has put a folder `state` into the home.
        """
        named = environ.get(HOME_VARIABLE, "")
        try:
            home = cls(Path(named or "~/.claude-proxy").expanduser().absolute())
        except (OSError, RuntimeError) as error:  # OSError: the folder that a relative one starts from is gone
            raise HomeError(f"{named or 'your own folder'} cannot be found on this system") from error
        _require_own(home.state)
        return home

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
        """The log; older logs are beside it."""
        return self.root / "proxy.log"

    @property
    def state(self) -> Path:
        """The folder for what only this program reads."""
        return self.root / "state"

    @property
    def token(self) -> Path:
        """What clients of this home's proxy send."""
        return self.state / "token"

    @property
    def running(self) -> Path:
        """The file that says where the running proxy is."""
        return self.state / "proxy.json"

    @property
    def memory(self) -> Path:
        """What the proxy remembers from one start to the next."""
        return self.state / "memory.json"

    @property
    def usage(self) -> Path:
        """The database of what each request cost."""
        return self.state / "usage.db"

    def prepare(self) -> None:
        """Make the folders, which only their owner may open. Raises `OSError`."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.state.mkdir(exist_ok=True, mode=0o700)
        _close_to_others(self.root.resolve())  # a user may link the home itself to another disk
        _close_to_others(self.state)


def _require_own(state: Path) -> None:
    """Raise `HomeError` if another user made this folder: the token and the address of the proxy are read from it."""
    if owner := foreign_owner(state):
        raise HomeError(f"{state} belongs to {owner}, not to you; remove it")


def _close_to_others(folder: Path) -> None:
    """Take away the rights of other users.

    Not on Windows, where modes mean nothing: folders inherit the access list of the user's profile, which keeps others
    out. A folder of another user, or one that all share (sticky, as `/tmp` is), stays as it is, and so does the target
    of a link: it may be a folder of the system.
    """
    if sys.platform == "win32":
        return
    facts = folder.lstat()
    mode = stat.S_IMODE(facts.st_mode)
    if stat.S_ISDIR(facts.st_mode) and mode & OTHERS and facts.st_uid == os.geteuid() and not mode & stat.S_ISVTX:
        with contextlib.suppress(OSError):  # a file system without modes
            folder.chmod(0o700)
