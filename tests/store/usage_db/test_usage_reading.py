"""The file can be read while it is written and while it is not, and a file that cannot be read says why."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from claude_proxy.store.usage_db import queries
from claude_proxy.store.usage_db.database import Database
from claude_proxy.store.usage_db.periods import Period
from claude_proxy.store.usage_db.reading import NothingRecordedError, UnreadableError, reading
from claude_proxy.store.usage_db.schema import VERSION
from store.usage_db.accounts import NOW, account

ALWAYS = [Period("", 0.0, 2 * NOW)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a #? %41 home" / "usage.db"


@pytest.fixture
def written(path: Path) -> Path:
    path.parent.mkdir()
    with closing(Database(path)) as database:
        database.add([account()])
    return path


def requests(path: Path) -> int:
    with reading(path) as database:
        return queries.totals(database, ALWAYS)[0].requests


def test_a_file_that_nobody_writes_is_read(written: Path) -> None:
    assert requests(written) == 1
    assert requests(written) == 1


def test_a_file_is_read_while_it_is_written(written: Path) -> None:
    with closing(Database(written)) as database:
        database.add([account()])
        assert requests(written) == 2
        database.add([account()])
        assert requests(written) == 3


def test_all_queries_of_a_reader_see_the_same_moment(written: Path) -> None:
    with closing(Database(written)) as database, reading(written) as reader:
        assert queries.totals(reader, ALWAYS)[0].requests == 1
        database.add([account()])
        assert queries.totals(reader, ALWAYS)[0].requests == 1
    assert requests(written) == 2


def test_a_reader_changes_nothing(written: Path) -> None:
    with pytest.raises(UnreadableError, match=r"readonly.* Allow yourself to write in"), reading(written) as database:
        database.execute("DELETE FROM exchanges")
    assert requests(written) == 1


def test_a_file_in_a_folder_that_cannot_be_written_is_read_without_files_beside_it(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    with reading(written) as database:
        assert queries.totals(database, ALWAYS)[0].requests == 1
        assert list(written.parent.iterdir()) == [written]


def test_rows_that_wait_beside_the_file_are_read_wherever_it_is(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    with closing(Database(written)) as database:
        database.add([account()])
        assert requests(written) == 2


def test_no_file_and_one_that_is_just_made_are_empty(path: Path) -> None:
    path.parent.mkdir()
    with pytest.raises(NothingRecordedError, match="no requests yet"), reading(path):
        pass
    assert not path.exists()
    path.touch()
    with pytest.raises(NothingRecordedError), reading(path):
        pass


def test_a_file_of_a_newer_version_says_so(written: Path) -> None:
    set_version(written, VERSION + 1)
    with pytest.raises(UnreadableError, match="newer version"), reading(written):
        pass


def test_a_file_of_an_older_version_says_what_to_do(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("claude_proxy.store.usage_db.reading.VERSION", VERSION + 1)
    with pytest.raises(UnreadableError, match="claude-proxy restart"), reading(written):
        pass


@pytest.mark.parametrize("damage", [b"not a database" * 100, b"SQLite format 3\0" + b"\xff" * 8000])
def test_a_damaged_file_says_what_to_do(path: Path, damage: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(damage)
    with pytest.raises(UnreadableError, match=r"damaged.*claude-proxy restart"), reading(path):
        pass


def test_damage_that_a_query_meets_is_said_too(written: Path) -> None:
    with closing(Database(written)) as database:
        database.add([account() for _ in range(500)])
    with written.open("r+b") as file:
        file.seek(5 * 4096)
        file.write(b"\xff" * (written.stat().st_size - 5 * 4096))
    with pytest.raises(UnreadableError, match="damaged"):
        requests(written)


def test_damage_whose_error_is_no_text_is_said_too(written: Path) -> None:
    data = written.read_bytes()
    written.write_bytes(data.replace(b"exchange INTEGER NOT NULL", b"exchange INTEGER NOT \xff\xfeLL"))
    with pytest.raises(UnreadableError, match=r"damaged.*claude-proxy restart"):
        requests(written)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
@pytest.mark.parametrize("kind", ["folder", "pipe", "link"])
def test_what_is_no_regular_file_is_not_opened(written: Path, kind: str) -> None:
    moved = written.rename(written.with_name("moved"))
    if kind == "folder":
        written.mkdir()
    elif kind == "pipe":
        os.mkfifo(written)
    else:
        written.symlink_to(moved)
    with pytest.raises(UnreadableError, match="no regular file"), reading(written):
        pass


def set_version(path: Path, version: int) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA user_version = {version}")
