"""Reads proxy.log: its last lines, and what has been added since, across rotation.

Files are opened for each call and closed again: on Windows a file that a reader keeps open cannot be rotated. Only
whole lines are read; a line that is just being written is left for the next call.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from claude_proxy.store.log import KEPT, numbered


@dataclass(frozen=True, slots=True)
class Position:
    """How far a log has been read: the file (its id, which a rename keeps) and the first byte that is still unread."""

    file_id: int = 0
    offset: int = 0


def last_lines(path: Path, count: int) -> tuple[list[str], Position]:
    """Return the last `count` lines, from older logs too if the current one has fewer, and the position after them.

    Raises `OSError` if a log is there but cannot be read.
    """
    lines: list[str] = []
    position = Position()
    for number in range(KEPT + 1):
        with contextlib.suppress(FileNotFoundError), _open(path, number) as file:
            older, end = _read_lines(file)
            lines = older + lines
            if number == 0:
                position = Position(_id(file), end)
        if len(lines) >= count:
            break
    return lines[len(lines) - count :] if count < len(lines) else lines, position


def lines_since(path: Path, position: Position) -> tuple[list[str], Position]:
    """Return the lines added after `position`, oldest first, and the new position.

    If the file of `position` is gone (removed, or rotated out), everything in the current one counts as added.
    """
    lines: list[str] = []
    with contextlib.ExitStack() as stack:
        for file in reversed(_files_since(stack, path, position)):
            if _holds(file, position):
                file.seek(position.offset)
            added, end = _read_lines(file)
            lines += added
            position = Position(_id(file), end)
    return lines, position


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
    return (numbered(path, number) if number else path).open("rb")


def _id(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_ino


def _read_lines(file: BinaryIO) -> tuple[list[str], int]:
    """Return the whole lines from the current offset of the file, and the offset after them."""
    start = file.tell()
    data = file.read()
    whole = data.rfind(b"\n") + 1
    return data.decode(errors="replace").split("\n")[:-1], start + whole
