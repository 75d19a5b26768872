"""A file that others may have put there: read up to a limit, and only if it is one."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def beginning(path: Path, limit: int) -> bytes | None:
    """Return what a file holds, one byte over `limit` where that is more; None where it is no regular file.

    A link may lead to a pipe, a device or a terminal: it is neither opened nor waited for, not even where it takes the
    file's place in between. Raises `OSError`.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # a folder fails to open, and the error says that it is one
        return None
    with open(path, "rb", opener=_open_at_once) as file:  # a Path takes no opener
        return file.read(limit + 1) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else None


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
