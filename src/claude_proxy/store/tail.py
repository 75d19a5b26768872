"""Reads proxy.log: its last lines, and what has been added since, across rotation.

Files are opened for each call and closed again: on Windows a file that a reader keeps open cannot be rotated. Only
whole lines are read; a line that is just being written is left for the next call. A log may have any length, or be
damaged: no more than a block and a line is held at once, and a line is cut at `MAX_LINE`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from claude_proxy.store.log import KEPT, numbered
from claude_proxy.store.own_files import open_own

MAX_LINE: Final = 16_384
"""Bytes of a line that are shown; the longest that the proxy writes has some 4,000."""
BLOCK: Final = 65_536
MAX_UNFINISHED: Final = 1024 * 1024
"""Bytes in which the end of the last whole line is looked for, each time that a log is followed."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a log has been read: the file (its id, which a rename keeps) and the first byte that is still unread."""

    file_id: int = 0
    offset: int = 0


@dataclass(frozen=True, slots=True)
class _Part:
    """Whole lines of one file, from the byte `start` to the byte `end`."""

    file_id: int
    start: int
    end: int


def last_lines(path: Path, count: int) -> tuple[Iterator[str], Position]:
    """Return the last `count` lines, from older logs too if the current one has fewer, and the position after them.

    The lines are read while the caller iterates. Raises `OSError` if a log is there but cannot be read.
    """
    parts: list[_Part] = []
    position = Position()
    wanted = count
    for number in range(KEPT + 1):
        with contextlib.suppress(FileNotFoundError), _open(path, number) as file:
            end, _ = _search_back(file, os.fstat(file.fileno()).st_size, 1)
            start, found = _search_back(file, end, wanted + 1)
            parts.append(_Part(_id(file), start, end))
            wanted -= min(found, wanted)
            if number == 0:
                position = Position(_id(file), end)
        if not wanted:
            break
    return _read(path, parts[::-1]), position


def lines_since(path: Path, position: Position) -> tuple[Iterator[str], Position]:
    """Return the lines added after `position`, oldest first, and the new position.

    The lines are read while the caller iterates. If the file of `position` is gone (removed, or rotated out),
    everything in the current one counts as added.
    """
    parts: list[_Part] = []
    with contextlib.ExitStack() as stack:
        for file in reversed(_files_since(stack, path, position)):
            start = position.offset if _holds(file, position) else 0
            size = os.fstat(file.fileno()).st_size
            end, _ = _search_back(file, size, 1, max(start, size - MAX_UNFINISHED))
            end = max(start, end)
            parts.append(_Part(_id(file), start, end))
            position = Position(_id(file), end)
    return _read(path, parts), position


def _files_since(stack: contextlib.ExitStack, path: Path, position: Position) -> list[BinaryIO]:
    """Open the logs from the current one back to that of `position`; only the current one if that is gone."""
    files: list[BinaryIO] = []
    for number in range(KEPT + 1):
        with contextlib.suppress(FileNotFoundError):
            file = stack.enter_context(_open(path, number))
            if not files or _id(file) != _id(files[-1]):  # not the same file again, rotated in between
                files.append(file)
            if _holds(file, position):
                return files
    return files[:1]


def _holds(file: BinaryIO, position: Position) -> bool:
    """Whether this is the file of `position`. A shorter one only got the same id after that one was removed."""
    return _id(file) == position.file_id and os.fstat(file.fileno()).st_size >= position.offset


def _open(path: Path, number: int) -> BinaryIO:
    return os.fdopen(open_own(numbered(path, number) if number else path, os.O_RDONLY), "rb")


def _id(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_ino


def _search_back(file: BinaryIO, end: int, count: int, floor: int = 0) -> tuple[int, int]:
    """Return the offset behind the line end that is number `count` before `end`, and how many there are.

    If there are fewer above `floor`, the offset is 0.
    """
    found = 0
    while end > floor:
        start = max(floor, end - BLOCK)
        file.seek(start)
        block = file.read(end - start)
        here = block.count(b"\n")
        if found + here >= count:
            at = len(block)
            for _ in range(count - found):
                at = block.rindex(b"\n", 0, at)
            return start + at + 1, count
        found += here
        end = start
    return 0, found


def _read(path: Path, parts: list[_Part]) -> Iterator[str]:
    for part in parts:
        with contextlib.ExitStack() as stack:
            if file := _find(stack, path, part.file_id):
                yield from _lines(file, part)


def _find(stack: contextlib.ExitStack, path: Path, file_id: int) -> BinaryIO | None:
    """Open the log with this id, whatever its number is by now; None if it was removed."""
    for number in range(KEPT + 1):
        with contextlib.suppress(FileNotFoundError):
            file = stack.enter_context(_open(path, number))
            if _id(file) == file_id:
                return file
    return None


def _lines(file: BinaryIO, part: _Part) -> Iterator[str]:
    file.seek(part.start)
    left = part.end - part.start
    beginning = b""
    while left and (block := file.read(min(BLOCK, left))):
        left -= len(block)
        *whole, rest = block.split(b"\n")
        for line in whole:
            yield _shown(beginning + line)
            beginning = b""
        beginning = (beginning + rest)[: MAX_LINE + 1]


def _shown(line: bytes) -> str:
    return line[:MAX_LINE].decode(errors="replace") + ("..." if len(line) > MAX_LINE else "")
