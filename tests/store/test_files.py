"""Reading files within limits, and writing them safely."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from claude_proxy.store.files import read_up_to, rewrite, write_private

POSIX_MODES = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_private_file_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    write_private(path, b"old and longer")
    write_private(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@POSIX_MODES
def test_a_private_file_is_its_owners_from_the_first_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    sync = os.fsync

    def look(descriptor: int) -> None:
        seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", look)
    before = os.umask(0)
    try:
        write_private(tmp_path / "secret", b"data")
    finally:
        os.umask(before)
    assert seen == [0o600]
    assert mode(tmp_path / "secret") == 0o600


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret"
    write_private(path, b"old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_private(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("size", "read"), [(0, 0), (9, 9), (10, 10), (11, 11), (1000, 11)])
def test_no_more_than_one_byte_over_the_limit_is_read(tmp_path: Path, size: int, read: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * size)
    assert read_up_to(path, 10) == b"x" * read


def test_a_folder_and_a_missing_file_are_errors(tmp_path: Path) -> None:
    with pytest.raises((IsADirectoryError, PermissionError)):
        read_up_to(tmp_path, 10)
    with pytest.raises(FileNotFoundError):
        read_up_to(tmp_path / "none", 10)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")
def test_a_pipe_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    assert read_up_to(path, 10) is None
    regular = tmp_path / "regular"
    regular.touch()
    facts = regular.stat()
    monkeypatch.setattr(Path, "stat", lambda _: facts)  # as if it took the file's place after the first look
    assert read_up_to(path, 10) is None


@POSIX_MODES
def test_a_rewritten_file_keeps_its_mode_and_its_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"old")
    real.chmod(0o640)
    link.symlink_to(real)
    rewrite(link, b"new", new_file_mode=0o600)
    assert (link.is_symlink(), real.read_bytes(), mode(real)) == (True, b"new", 0o640)


@POSIX_MODES
def test_a_file_that_was_not_there_is_made_with_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    rewrite(path, b"new", new_file_mode=0o644)
    assert (path.read_bytes(), mode(path)) == (b"new", 0o644)


def test_an_error_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"in the way of a folder")
    path = tmp_path / "file" / "below"
    with pytest.raises(OSError, match="below"):
        rewrite(path, b"new", new_file_mode=0o644)
