"""The database through failures: nothing is written twice, what can be is written later, and each is said once."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from claude_proxy.store.usage_db import database, opening, resilient
from claude_proxy.store.usage_db.database import Database
from claude_proxy.store.usage_db.schema import STEPS, VERSION, Step
from store.usage_db.accounts import ATTEMPT, NOW, account, rows
from store.usage_db.kept import MADE, Kept

OLD_FILE = Path(__file__).with_name("version_1.db")


@pytest.fixture(autouse=True)
def all_closed() -> Iterator[None]:
    yield
    while MADE:
        MADE.pop().database.close()


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "state" / "usage.db")


def other(path: Path) -> sqlite3.Connection:
    """Connect as another process would."""
    return sqlite3.connect(path, isolation_level=None, timeout=0)


def test_a_full_disk_is_said_once_and_what_waited_is_written_once_there_is_space(kept: Kept) -> None:
    kept.write("before")
    (pages,) = kept.connection.execute("PRAGMA page_count").fetchone()
    kept.connection.execute(f"PRAGMA max_page_count = {pages}")
    for number in range(200):
        kept.write(f"during-{number}")
    assert kept.database.waiting > 0
    [said] = kept.said
    assert said.startswith(f"warning: {kept.path} cannot be written (the disk is full)")
    assert said.endswith("Free some space")
    assert kept.database.problem in said
    kept.connection.execute("PRAGMA max_page_count = 100000")
    kept.write("after")
    assert kept.sessions == ["before", *(f"during-{number}" for number in range(200)), "after"]
    assert (kept.database.problem, kept.database.waiting) == ("", 0)
    assert kept.said[1:] == [f"info: {kept.path} is written again"]


def test_of_more_than_can_wait_the_number_is_said(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resilient, "MAX_WAITING", 3)
    kept.write()
    with closing(other(kept.path)) as locking, mock.patch.object(opening, "BUSY_SECONDS", 0):
        kept.connection.execute("PRAGMA busy_timeout = 0")
        locking.execute("BEGIN EXCLUSIVE")
        kept.write("a", "b")
        kept.write("c", "d", refused=5)
        assert kept.database.waiting == 3
        assert "another program has locked it" in kept.database.problem
        locking.execute("ROLLBACK")
    kept.write()
    assert kept.sessions == ["a", "b", "c"]
    assert kept.said[1:] == [f"warning: {kept.path} is written again; 6 requests are missing in it"]


def test_what_still_waits_at_the_end_is_said(kept: Kept) -> None:
    kept.path.parent.write_text("no folder")
    kept.write("a")
    kept.database.close()
    assert kept.said[-1] == f"warning: {kept.path}: 1 request is missing in it"
    kept.path.parent.unlink()
    kept.write()


def test_a_disk_without_locks_is_told_from_a_lock(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl", reason="locks of files are another thing on Windows")
    kept.write()
    kept.connection.execute("PRAGMA busy_timeout = 0")
    with closing(other(kept.path)) as locking:
        locking.execute("BEGIN EXCLUSIVE")
        monkeypatch.setattr(fcntl, "lockf", mock.Mock(side_effect=OSError(errno.ENOLCK, "No locks available")))
        kept.write("a")
        assert "its disk has no locks" in kept.database.problem
        locking.execute("ROLLBACK")
    kept.write()
    assert kept.sessions == ["a"]
    assert not list(kept.path.parent.glob(".*"))


@pytest.mark.parametrize("has_been_in_wal_mode", [False, True])
def test_a_disk_without_shared_memory_is_said_and_rows_are_written(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, *, has_been_in_wal_mode: bool
) -> None:
    if has_been_in_wal_mode:
        Kept(kept.path).write("before")
    monkeypatch.setattr(opening, "_VFS", "&vfs=unix-dotfile")
    kept.write("a")
    kept.write("b")
    kept.database.close()
    assert kept.sessions == [*(["before"] if has_been_in_wal_mode else []), "a", "b"]
    [said] = kept.said
    assert "no memory that processes share" in said


def test_a_home_may_have_any_name(tmp_path: Path) -> None:
    odd = Kept(tmp_path / "my home?mode=ro#%41&ü" / "usage.db")
    odd.write("a")
    odd.database.close()
    assert rows(odd.path, "SELECT session FROM exchanges") == [{"session": "a"}]
    assert odd.said == []


def test_a_file_that_is_removed_while_it_is_open_is_made_again(kept: Kept) -> None:
    kept.write("before")
    shutil.rmtree(kept.path.parent)
    kept.write("after")
    assert kept.sessions == ["after"]
    assert kept.path.parent.stat().st_mode & 0o777 == 0o700


def garbage(path: Path) -> None:
    path.write_bytes(b"no database at all " * 1000)


def foreign(path: Path) -> None:
    with closing(other(path)) as connection:
        connection.execute("CREATE TABLE exchanges (theirs)")


def without_a_table(path: Path) -> None:
    Kept(path).write("old")
    with closing(other(path)) as connection:
        connection.execute("DROP TABLE attempts")


def with_a_name_that_is_no_text(path: Path) -> None:
    """Leave a file of which SQLite's own error is no text, since it quotes it."""
    with closing(Database(path)) as written:
        written.add([account(session="old")])
    path.write_bytes(path.read_bytes().replace(b"exchange INTEGER NOT NULL", b"exchange INTEGER NOT \xff\xfeLL"))


def with_a_bad_page(path: Path) -> None:
    """Leave a file as a power failure may: not closed, and a page of the index is garbage."""
    crashed = Kept(path)
    crashed.write(*map(str, range(500)))
    crashed.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    crashed.write("last")
    (page,) = crashed.connection.execute(
        "SELECT rootpage FROM sqlite_master WHERE name = 'exchanges_by_time'"
    ).fetchone()
    files = {each: each.read_bytes() for each in path.parent.iterdir() if not each.name.endswith("-shm")}
    crashed.database.close()
    for each, data in files.items():
        start = (page - 1) * 4096
        damaged = data[:start] + b"\xa5" * 4096 + data[start + 4096 :]
        each.write_bytes(damaged if each == path else data)


@pytest.mark.parametrize("damage", [garbage, foreign, without_a_table, with_a_name_that_is_no_text, with_a_bad_page])
def test_a_damaged_file_is_put_aside_and_begun_anew(kept: Kept, damage: Any) -> None:
    kept.path.parent.mkdir()
    damage(kept.path)
    before = kept.path.read_bytes()
    kept.write("new")
    assert kept.sessions == ["new"]
    [aside] = [each for each in kept.path.parent.glob("usage.db.damaged-*") if each.name[-1].isdigit()]
    assert damage in {without_a_table, with_a_name_that_is_no_text, with_a_bad_page} or aside.read_bytes() == before
    [said] = kept.said
    assert said.startswith(f"error: {kept.path} is damaged (")
    assert aside.name in said


def test_damage_that_is_met_while_writing_loses_no_exchange_that_waits(kept: Kept) -> None:
    kept.write("old")
    kept.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    kept.connection.execute("PRAGMA cache_size = 0")
    kept.path.write_bytes(b"\xa5" * kept.path.stat().st_size)
    kept.write("new")
    assert kept.sessions == ["new"]
    assert len(kept.said) == 1


def test_a_file_that_is_damaged_again_at_once_is_not_put_aside_again(kept: Kept) -> None:
    kept.path.parent.mkdir()
    for _ in range(2):
        kept.database._close_file()
        garbage(kept.path)
        kept.write("a")
    assert len(list(kept.path.parent.glob("usage.db.damaged-*"))) == 1
    assert kept.database.waiting == 1
    assert len(kept.said) == 2


def test_a_newer_versions_file_is_not_touched_and_requests_wait(kept: Kept) -> None:
    Kept(kept.path).write("newer")
    with closing(other(kept.path)) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    before = kept.path.read_bytes()
    kept.write("a")
    kept.write("b")
    assert kept.path.read_bytes() == before
    [said] = kept.said
    assert "a newer version of claude-proxy made it" in said
    assert "Update claude-proxy" in said
    for each in kept.path.parent.iterdir():
        each.unlink()
    kept.write()
    assert kept.sessions == ["a", "b"]


def test_rows_of_a_newer_version_that_was_killed_stay_where_they_are(kept: Kept, tmp_path: Path) -> None:
    newer = Kept(tmp_path / "newer" / "usage.db")
    newer.write("newer")
    newer.connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    shutil.copytree(newer.path.parent, kept.path.parent)
    before = {name: (kept.path.parent / name).read_bytes() for name in ("usage.db", "usage.db-wal")}
    kept.write("a")
    assert "a newer version" in kept.database.problem
    assert {name: (kept.path.parent / name).read_bytes() for name in before} == before
    newer.database.close()


def test_an_older_versions_file_is_brought_up_to_date(kept: Kept) -> None:
    kept.path.parent.mkdir()
    shutil.copyfile(OLD_FILE, kept.path)
    assert rows(kept.path, "PRAGMA user_version") == [{"user_version": 1}]
    kept.write("new")
    assert kept.sessions == ["s0", "s1", "s2", "s3", "new"]
    assert rows(kept.path, "PRAGMA user_version") == [{"user_version": VERSION}]
    attempts = rows(kept.path, "SELECT outcome, purpose, cost FROM attempts WHERE exchange = 4")
    assert attempts == [
        {"outcome": "truncated", "purpose": "", "cost": None},
        {"outcome": "200", "purpose": "", "cost": 0.5},
    ]
    assert kept.said == []


def test_a_step_that_fails_leaves_the_file_as_it_was(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.path.parent.mkdir()
    shutil.copyfile(OLD_FILE, kept.path)
    bad = Step("half", ("CREATE TABLE half (a)", "ALTER TABLE nothing ADD COLUMN b"))
    monkeypatch.setattr(opening, "STEPS", (STEPS[0], bad))
    kept.write("a")
    assert kept.database.waiting == 1
    assert rows(kept.path, "PRAGMA user_version") == [{"user_version": 1}]
    monkeypatch.undo()
    kept.write()
    assert kept.sessions == ["s0", "s1", "s2", "s3", "a"]


def test_every_version_has_the_columns_that_are_written_at_the_end_of_its_steps(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    Database(path).close()
    assert rows(path, "PRAGMA user_version") == [{"user_version": len(STEPS)}]


def fifo(path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("Windows has no FIFOs in folders")
    os.mkfifo(path)


def link(path: Path) -> None:
    target = path.with_name("elsewhere")
    target.write_bytes(b"")
    path.symlink_to(target)


@pytest.mark.parametrize("put", [link, fifo, Path.mkdir], ids=["a link", "a FIFO", "a folder"])
@pytest.mark.parametrize("name", ["usage.db", "usage.db-wal", "usage.db-journal"])
def test_what_is_no_file_of_ours_is_refused_and_said(kept: Kept, put: Any, name: str) -> None:
    kept.path.parent.mkdir()
    put(kept.path.with_name(name))
    kept.write("a")
    assert kept.database.waiting == 1
    assert len(kept.said) == 1
    place = kept.path.with_name(name)
    place.rmdir() if place.is_dir() else place.unlink()
    kept.write()
    assert kept.sessions == ["a"]


def test_the_file_and_what_is_beside_it_are_their_owners_alone(kept: Kept) -> None:
    kept.write("a")
    assert {each.name: each.stat().st_mode & 0o777 for each in kept.path.parent.iterdir()} == {
        "usage.db": 0o600,
        "usage.db-wal": 0o600,
        "usage.db-shm": 0o600,
    }
    kept.database._close_file()
    kept.path.chmod(0o644)
    kept.write("b")
    assert kept.path.stat().st_mode & 0o777 == 0o600


def test_rows_are_written_while_another_process_reads(kept: Kept) -> None:
    kept.write("a")
    with closing(other(kept.path)) as one, closing(other(kept.path)) as two:
        for reader in (one, two):
            reader.execute("BEGIN")
            assert reader.execute("SELECT count(*) FROM exchanges").fetchone() == (1,)
        kept.write("b")
        assert kept.database.waiting == 0
        assert one.execute("SELECT count(*) FROM exchanges").fetchone() == (1,)
        one.execute("COMMIT")
        assert one.execute("SELECT count(*) FROM exchanges").fetchone() == (2,)


def test_an_account_that_cannot_be_written_stops_no_other(kept: Kept) -> None:
    kept.database.write([account(total_ms="long")])
    kept.write("a")
    assert kept.sessions == ["a"]
    assert kept.said[0] == f"error: {kept.path} could not be written (TypeError)"


def at(age: float, session: str) -> Any:
    return account(started_at=NOW - age * 86_400, session=session, attempts=(ATTEMPT, ATTEMPT))


def prune_to_the_end(kept: Kept) -> int:
    steps = 1
    while not kept.database.prune():
        steps += 1
    return steps


def test_rows_that_are_too_old_go_in_small_steps_once_a_day(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "usage.db", days=30)
    kept.database.write([*(at(31, "old") for _ in range(1200)), at(29, "new")])
    assert prune_to_the_end(kept) == 3
    assert kept.sessions == ["new"]
    assert len(rows(kept.path, "SELECT 1 FROM attempts")) == 2
    kept.database.write([at(31, "late")])
    assert kept.database.prune() == 86_400
    assert kept.sessions == ["new", "late"]
    kept.database.close()


def test_rows_that_are_too_old_go_after_a_clock_was_set_back_too(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "usage.db", days=30)
    kept.database._now = lambda: NOW + 9 * 86_400
    kept.write("a")
    prune_to_the_end(kept)
    kept.database._now = lambda: NOW
    kept.database.write([at(31, "old")])
    prune_to_the_end(kept)
    assert kept.sessions == ["a"]
    kept.database.close()


def test_the_file_shrinks_when_many_rows_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_FREE_PAGES", 50)
    kept = Kept(tmp_path / "usage.db", days=30)
    kept.database.write([at(31, "old") for _ in range(10_000)])
    kept.connection.execute("PRAGMA wal_checkpoint")
    before = kept.path.stat().st_size
    prune_to_the_end(kept)
    kept.database.close()
    assert kept.path.stat().st_size < before / 4


def test_without_a_limit_all_rows_are_kept(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "usage.db", days=0)
    kept.database.write([at(9999, "old")])
    assert kept.database.prune() == 86_400
    assert kept.sessions == ["old"]
    kept.database.close()
