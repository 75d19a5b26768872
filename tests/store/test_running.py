from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec
import pytest

from claude_proxy.store.running import Running, clear

RUNNING = Running(pid=4711, host="127.0.0.1", port=8787, instance="a1", started_at=1_000.5, version="0.1.0")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "proxy.json"
    RUNNING.write(path)
    assert Running.read(path) == RUNNING
    if os.name != "nt":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"pid": "x"}', b'{"pid": 1}', b"\xff\xfe", b'"\xff"', b"0" * 200_000]
)
def test_invalid_content_counts_as_no_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "proxy.json"
    path.write_bytes(content)
    assert Running.read(path) is None


WRONG = [
    {"pid": 0},
    {"pid": -1},
    {"pid": "1"},
    {"pid": 1.5},
    {"port": 0},
    {"port": 65_536},
    {"port": None},
    {"host": 1},
]


@pytest.mark.parametrize("change", WRONG, ids=str)
def test_an_impossible_pid_or_port_counts_as_no_file(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "proxy.json"
    path.write_bytes(msgspec.json.encode({**msgspec.to_builtins(RUNNING), **change}))
    assert Running.read(path) is None


def test_a_file_link_or_empty_folder_in_its_place_is_cleared(tmp_path: Path) -> None:
    path = tmp_path / "proxy.json"
    clear(path)
    path.mkdir()
    clear(path)
    assert not path.exists()
    RUNNING.write(path)
    clear(path)
    assert not path.exists()
    (path / "of somebody").mkdir(parents=True)
    with pytest.raises(OSError, match=r"proxy\.json"):
        clear(path)


def test_a_missing_file_is_no_error(tmp_path: Path) -> None:
    assert Running.read(tmp_path / "proxy.json") is None
    assert Running.read(tmp_path) is None


def test_it_is_removed_by_its_own_proxy_only(tmp_path: Path) -> None:
    path = tmp_path / "proxy.json"
    newer = msgspec.structs.replace(RUNNING, instance="b2")
    newer.write(path)
    RUNNING.remove(path)
    assert Running.read(path) == newer
    newer.remove(path)
    assert not path.exists()
    newer.remove(path)


@pytest.mark.skipif(os.name == "nt", reason="pipes in folders are POSIX, and links take privileges on Windows")
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_link_or_a_pipe_names_no_proxy(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "proxy.json"
    if kind == "link":
        RUNNING.write(tmp_path / "planted")
        path.symlink_to(tmp_path / "planted")
    else:
        os.mkfifo(path)
    assert Running.read(path) is None
    RUNNING.write(path)
    assert Running.read(path) == RUNNING
