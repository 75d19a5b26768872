"""Lets one process at a time in: a lock on a file, which the system releases when its holder dies."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from claude_proxy.store.own_files import open_own

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try_lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


POLL_SECONDS = 0.02


class LockError(OSError):
    """A file cannot be locked, since its disk has no locks: some network drives and shared folders have none."""


MAX_PID_BYTES = 32
_PID_OFFSET = 1
"""Bytes before the holder's pid: on Windows, other processes cannot read the locked one."""


@contextlib.contextmanager
def exclusive(path: Path, timeout: float, *, name_holder: bool = False) -> Iterator[None]:
    """Hold the lock on `path` (made if it is not there) while the block runs.

    `name_holder`: write this process's pid into the file, for `holder`. Raises `TimeoutError` if another process holds
    it for `timeout` seconds, `LockError` if the disk has no locks, and another `OSError` if the file cannot be made.
    """
    descriptor = _open(path)
    try:
        try:
            _wait_for(descriptor, time.monotonic() + timeout)
        except TimeoutError:
            raise
        except OSError as error:
            raise LockError(error.errno, error.strerror, str(path)) from error
        if name_holder:
            _write_pid(descriptor)
        yield
    finally:
        os.close(descriptor)  # releases the lock as well


def holder(path: Path) -> int | None:
    """Return the pid in a lock's file: who holds it, if it is held, or else who held it last. None if it has none."""
    try:
        descriptor = open_own(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        os.lseek(descriptor, _PID_OFFSET, os.SEEK_SET)
        text = os.read(descriptor, MAX_PID_BYTES).strip()
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return int(text) if text.isdigit() and int(text) > 0 else None


def _write_pid(descriptor: int) -> None:
    with contextlib.suppress(OSError):  # a disk that is full or cannot be written: the lock holds without it
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, b" " * _PID_OFFSET + b"%d\n" % os.getpid())
        os.lseek(descriptor, 0, os.SEEK_SET)


def _open(path: Path) -> int:
    try:
        return open_own(path, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        if error.errno != errno.EROFS:  # on a disk that cannot be written, a file that is there can still be locked
            raise
        return open_own(path, os.O_RDONLY)


def _wait_for(descriptor: int, deadline: float) -> None:
    while True:
        try:
            return _try_lock(descriptor)
        except (BlockingIOError, PermissionError):  # the latter on Windows
            if time.monotonic() >= deadline:
                raise TimeoutError("another process holds the lock") from None
        time.sleep(POLL_SECONDS)  # noqa: TID251 - nothing is served yet, and the system has no wait with a time limit
