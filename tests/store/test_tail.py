from __future__ import annotations

import os
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from claude_proxy.store import tail
from claude_proxy.store.log import LogLedger
from claude_proxy.store.tail import BLOCK, MAX_LINE, MAX_UNFINISHED, Position


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "proxy.log"


def last_lines(path: Path, count: int) -> tuple[list[str], Position]:
    lines, position = tail.last_lines(path, count)
    return list(lines), position


def lines_since(path: Path, position: Position) -> tuple[list[str], Position]:
    lines, position = tail.lines_since(path, position)
    return list(lines), position


def put(path: Path, *lines: str) -> None:
    with path.open("ab") as file:
        file.write("".join(f"{line}\n" for line in lines).encode())


def rotate(path: Path) -> None:
    for number in range(4, 0, -1):
        older = path.with_name(f"proxy.log.{number}")
        if older.exists():
            older.replace(path.with_name(f"proxy.log.{number + 1}"))
    path.replace(path.with_name("proxy.log.1"))


@pytest.mark.parametrize(("count", "expected"), [(0, []), (1, ["d"]), (3, ["b", "c", "d"]), (9, ["a", "b", "c", "d"])])
def test_the_last_lines_come_from_older_logs_too(path: Path, count: int, expected: list[str]) -> None:
    put(path, "a", "b")
    rotate(path)
    put(path, "c", "d")
    assert last_lines(path, count)[0] == expected


def test_no_log_has_no_lines(path: Path) -> None:
    assert last_lines(path, 5) == ([], Position())
    assert lines_since(path, Position()) == ([], Position())


def test_added_lines_are_returned_once(path: Path) -> None:
    put(path, "a")
    lines, position = last_lines(path, 0)
    put(path, "b", "c")
    lines, position = lines_since(path, position)
    assert lines == ["b", "c"]
    assert lines_since(path, position) == ([], position)


def test_a_log_that_is_made_later_is_read_from_its_start(path: Path) -> None:
    _, position = last_lines(path, 5)
    put(path, "a")
    assert lines_since(path, position)[0] == ["a"]


def test_a_line_that_is_being_written_is_left_for_later(path: Path) -> None:
    put(path, "a")
    with path.open("ab") as file:
        file.write(b"hal")
    lines, position = last_lines(path, 5)
    assert lines == ["a"]
    assert lines_since(path, position)[0] == []
    put(path, "f")
    assert lines_since(path, position)[0] == ["half"]


@pytest.mark.parametrize("rotations", [1, 2, 5])
def test_nothing_is_lost_or_doubled_across_rotations(path: Path, rotations: int) -> None:
    put(path, "a")
    _, position = last_lines(path, 1)
    put(path, "b")
    expected = ["b"]
    for number in range(rotations):
        rotate(path)
        put(path, f"r{number}")
        expected.append(f"r{number}")
    lines, position = lines_since(path, position)
    assert lines == expected
    put(path, "z")
    assert lines_since(path, position)[0] == ["z"]


def test_between_a_rotation_and_the_next_line_there_is_no_current_log(path: Path) -> None:
    put(path, "a")
    _, position = last_lines(path, 1)
    put(path, "b")
    rotate(path)
    lines, position = lines_since(path, position)
    assert lines == ["b"]
    put(path, "c")
    assert lines_since(path, position)[0] == ["c"]


def test_after_too_many_rotations_it_goes_on_with_the_current_log(path: Path) -> None:
    put(path, "a line longer than those to come")
    _, position = last_lines(path, 1)
    for number in range(7):
        rotate(path)
        put(path, f"r{number}")
    assert lines_since(path, position)[0] == ["r6"]


def test_a_log_that_was_emptied_is_read_from_its_start(path: Path) -> None:
    put(path, "a long line that was read")
    _, position = last_lines(path, 1)
    path.write_bytes(b"new\n")
    assert lines_since(path, position)[0] == ["new"]


def test_follows_the_lines_that_the_ledger_writes(path: Path) -> None:
    ledger = LogLedger(path, max_bytes=200)
    _, position = last_lines(path, 0)
    seen: list[str] = []
    for number in range(50):
        ledger.note(f"note {number:02}")
        if number % 3 == 0:
            lines, position = lines_since(path, position)
            seen += lines
    ledger.close()
    seen += lines_since(path, position)[0]
    assert [line[-2:] for line in seen] == [f"{number:02}" for number in range(50)]


@contextmanager
def no_more_memory_than(limit: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < limit


def test_only_the_end_of_a_huge_log_is_read(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1024**3)  # a sparse file
    put(path, "", "a", "b", "c")
    with no_more_memory_than(8 * BLOCK):
        lines, position = last_lines(path, 2)
        assert (lines, position.offset) == (["b", "c"], path.stat().st_size)
        put(path, "d")
        assert lines_since(path, position)[0] == ["d"]


def test_lines_that_are_no_longer_held_take_no_memory(path: Path) -> None:
    put(path, *(f"{number:0100}" for number in range(30_000)))
    with no_more_memory_than(8 * BLOCK):
        lines, _ = tail.last_lines(path, 10**9)
        assert sum(1 for _ in lines) == 30_000
        added, _ = tail.lines_since(path, Position())
        assert sum(1 for _ in added) == 30_000


def test_a_long_line_is_cut_and_the_next_is_whole(path: Path) -> None:
    put(path, "before", "x" * 3_000_000, "after")
    with no_more_memory_than(8 * BLOCK):
        lines, _ = last_lines(path, 3)
    assert lines == ["before", "x" * MAX_LINE + "...", "after"]


def test_while_a_log_is_followed_an_endless_line_is_not_searched_again_and_again(path: Path) -> None:
    put(path, "a")
    _, position = last_lines(path, 1)
    with path.open("ab") as file:
        file.write(b"b\n" + b"x" * (MAX_UNFINISHED + 1))
    assert lines_since(path, position) == ([], position)
    put(path, "end")
    assert lines_since(path, position)[0] == ["b", "x" * MAX_LINE + "..."]


@pytest.mark.parametrize("size", [BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK])
def test_the_last_lines_are_found_wherever_blocks_begin(path: Path, size: int) -> None:
    put(path, "a", "b", "c")
    filling = size - path.stat().st_size - 1
    put(path, "x" * filling)
    assert last_lines(path, 3)[0][:2] == ["b", "c"]
    assert last_lines(path, 4)[0][0] == "a"


def test_lines_are_read_though_the_log_rotates_meanwhile(path: Path) -> None:
    put(path, "a", "b")
    lines, _ = tail.last_lines(path, 2)
    rotate(path)
    assert list(lines) == ["a", "b"]


def test_a_log_that_is_removed_before_its_lines_are_read_has_none(path: Path) -> None:
    put(path, "a")
    lines, _ = tail.last_lines(path, 2)
    path.unlink()
    assert list(lines) == []


@pytest.mark.skipif(os.name == "nt", reason="pipes in folders are POSIX, and links take privileges on Windows")
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_neither_a_link_nor_a_pipe_is_read(path: Path, tmp_path: Path, kind: str) -> None:
    put(tmp_path / "other", "a secret of another program")
    if kind == "link":
        path.symlink_to(tmp_path / "other")
    else:
        os.mkfifo(path)
    with pytest.raises(OSError, match="remove it") as error:
        last_lines(path, 1)
    assert error.value.filename == str(path)
