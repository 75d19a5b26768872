"""The user's files (`config.json`, a profile), which may be links, read within limits; and any file written safely."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from claude_proxy.store.own_files import OWNER_ONLY, open_at_once


def read_up_to(path: Path, limit: int) -> bytes | None:
    """Return what a file of the user's holds, or its first `limit` bytes and one more; None if it is no regular file.

    A link may lead to a pipe, a device or a terminal. That is neither opened nor waited for, even if it takes the
    file's place in between. Raises `OSError`.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # a folder fails to open, and the error says that it is one
        return None
    with open(path, "rb", opener=open_at_once) as file:  # a Path takes no opener
        return file.read(limit + 1) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else None


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read, from its first byte on. A reader sees the old content or the new.

    Raises `OSError`, which names `path`; the old file is then still there.
    """
    fresh = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), OWNER_ONLY)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            fresh.unlink()
        if isinstance(error, OSError):  # which names the file beside it, or none if the disk is full
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def rewrite(path: Path, data: bytes, *, new_file_mode: int) -> None:
    """Replace the content of a file that belongs to the user: a profile, `config.json`, Claude Code's settings.

    It is replaced whole or not at all. Its mode stays, and a link to another file stays a link. If there is no file
    yet, its folder is made too. Raises `OSError`, which names the file.
    """
    path = path.resolve()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else new_file_mode
        write_private(path, data)
        with contextlib.suppress(OSError):  # a file system without modes
            path.chmod(mode)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
