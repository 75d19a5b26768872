"""state/proxy.json: says where the running proxy is. It is there from its start to its end.

A process that is killed leaves the file behind, so it is only a hint: `/health` at that address must name the same
instance.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from claude_proxy.store.files import write_private
from claude_proxy.store.own_files import read_own

MAX_STATE_BYTES = 65_536
"""Our own file has about 200 bytes; a larger one was not written by us."""


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """One running proxy."""

    pid: Annotated[int, msgspec.Meta(ge=1)]
    """Never below 1: the system takes such a number for many processes at once."""
    host: str
    """As configured: the address that it listens on, which may be `0.0.0.0` or `::`."""
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    instance: str
    """A random id made at its start; by now the pid or the port may be another program's, this never is."""
    started_at: float
    """Seconds since the epoch."""
    version: str

    @classmethod
    def unaddressed(cls, pid: int) -> Running:
        """Return a proxy of which only the process is known."""
        return cls(pid=pid, host="127.0.0.1", port=1, instance="", started_at=0.0, version="")

    @property
    def has_address(self) -> bool:
        """Whether it is known where it listens."""
        return bool(self.instance)

    def write(self, path: Path) -> None:
        """Write the file. Raises `OSError`."""
        write_private(path, msgspec.json.encode(self) + b"\n")

    @classmethod
    def read(cls, path: Path) -> Running | None:
        """Return what the file says; None if there is no file, or one that we did not write."""
        try:
            return msgspec.json.decode(read_own(path, MAX_STATE_BYTES) or b"", type=cls)
        except (OSError, msgspec.MsgspecError, ValueError, RecursionError):  # ValueError: text that is not UTF-8
            return None

    def remove(self, path: Path) -> None:
        """Remove the file if it is still this proxy's; that of a newer proxy stays."""
        if Running.read(path) == self:
            path.unlink(missing_ok=True)


def clear(path: Path) -> None:
    """Remove what is at `path`, if anything: the file of a proxy that is gone, or an empty folder. Raises `OSError`."""
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
