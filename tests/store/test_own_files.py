"""Files that are ours alone: what another user could have put in their place is not used."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from claude_proxy.store import own_files
from claude_proxy.store.own_files import foreign_owner, is_foreign, open_own, read_own

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="owners, modes, links and pipes are POSIX")

FLAGS = [os.O_RDONLY, os.O_RDWR | os.O_CREAT, os.O_WRONLY | os.O_APPEND | os.O_CREAT]


def owned_by(path: Path, uid: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a file seem to belong to a user: to have it so takes privileges."""
    look, look_behind = os.lstat, os.fstat
    inode = os.lstat(path).st_ino

    def changed(facts: os.stat_result) -> os.stat_result:
        return os.stat_result((*facts[:4], uid, *facts[5:10])) if facts.st_ino == inode else facts

    monkeypatch.setattr(os, "lstat", lambda name: changed(look(name)))
    monkeypatch.setattr(os, "fstat", lambda descriptor: changed(look_behind(descriptor)))


def test_a_regular_file_is_read_up_to_the_limit_and_one_byte_more(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 20)
    assert read_own(path, 10) == b"x" * 11
    assert read_own(path, 20) == b"x" * 20


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        os.close(open_own(tmp_path / "file", os.O_RDWR | os.O_CREAT))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("target", ["regular", "missing", "/dev/null", "itself"])
def test_a_link_is_not_followed(tmp_path: Path, flags: int, target: str) -> None:
    (tmp_path / "regular").touch()
    path = tmp_path / "itself"
    path.symlink_to(target)
    with pytest.raises(OSError, match="it is a link, which is not followed here; remove it") as error:
        open_own(path, flags)
    assert error.value.filename == str(path)
    assert not (tmp_path / "missing").exists()


@pytest.mark.parametrize("flags", FLAGS)
def test_a_link_that_takes_the_files_place_after_the_first_look_is_not_followed(
    tmp_path: Path, flags: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    regular, path = tmp_path / "regular", tmp_path / "link"
    regular.touch()
    path.symlink_to(regular)
    facts = regular.stat()
    monkeypatch.setattr(os, "lstat", lambda _: facts)
    with pytest.raises(OSError, match="link"):
        open_own(path, flags)


@pytest.mark.parametrize("flags", FLAGS)
def test_a_pipe_is_neither_opened_nor_waited_for(tmp_path: Path, flags: int, monkeypatch: pytest.MonkeyPatch) -> None:
    path, regular = tmp_path / "pipe", tmp_path / "regular"
    os.mkfifo(path)
    with pytest.raises(OSError, match="it is no regular file; remove it"):
        open_own(path, flags)
    assert read_own(path, 10) is None
    regular.touch()
    facts = regular.stat()
    monkeypatch.setattr(os, "lstat", lambda _: facts)  # as if it took the file's place after the first look
    with pytest.raises(OSError, match=r"no regular file|No such device"):  # a pipe without a reader can't be written
        open_own(path, flags)


def test_a_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        read_own(tmp_path, 10)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_own(tmp_path / "none", 10)


@pytest.mark.parametrize("flags", FLAGS)
def test_another_users_file_is_an_error_that_names_it_and_its_owner(
    tmp_path: Path, flags: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.touch()
    owned_by(path, 4_000_001, monkeypatch)
    with pytest.raises(PermissionError, match="it belongs to user 4000001, not to you; remove it") as error:
        open_own(path, flags)
    assert error.value.filename == str(path)
    assert foreign_owner(path) == "user 4000001"


@pytest.mark.parametrize("flags", FLAGS)
def test_another_users_file_that_takes_the_place_after_the_first_look_is_an_error(
    tmp_path: Path, flags: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.touch()
    mine = os.lstat(path)
    owned_by(path, 4_000_001, monkeypatch)
    monkeypatch.setattr(os, "lstat", lambda _: mine)
    with pytest.raises(PermissionError):
        open_own(path, flags)


@pytest.mark.parametrize(
    ("file", "folder", "me", "foreign"),
    [
        pytest.param(1000, 1000, 1000, False, id="mine"),
        pytest.param(0, 1000, 1000, False, id="root's"),
        pytest.param(1001, 1000, 1000, True, id="another's in my folder"),
        pytest.param(1001, 0, 1000, True, id="another's in a folder of root's, such as /tmp"),
        pytest.param(1000, 1000, 0, False, id="root in a user's home, as with sudo or in a container"),
        pytest.param(1001, 1000, 0, True, id="another's in a user's home, seen by root"),
        pytest.param(65534, 65534, 1000, False, id="a file server that gives every file to one user"),
    ],
)
def test_whose_files_are_used(monkeypatch: pytest.MonkeyPatch, file: int, folder: int, me: int, foreign: bool) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: me)
    monkeypatch.setattr(os, "stat", lambda _: of_user(folder))
    assert is_foreign(of_user(file), "folder/file") is foreign


def of_user(uid: int) -> os.stat_result:
    return os.stat_result((stat.S_IFREG | 0o600, 1, 1, 1, uid, 0, 0, 0, 0, 0))


def test_a_user_is_named_by_the_system() -> None:
    assert own_files.user_name(0) == "user root"
