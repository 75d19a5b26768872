"""The state file of a running proxy is lost: the proxy writes it again, and until then the lock names its process."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from claude_proxy.cli.background import processes
from claude_proxy.cli.background.processes import until
from claude_proxy.store.home import Home
from claude_proxy.store.lock import exclusive, holder
from claude_proxy.store.running import Running
from fakes.command_line import PATIENCE, CommandLine, free_port


def remove(home: Home) -> None:
    home.running.unlink()


def empty(home: Home) -> None:
    home.running.write_bytes(b"")


def damage(home: Home) -> None:
    home.running.write_bytes(b"not JSON")


def restore_an_old_one(home: Home) -> None:
    old = Running(pid=os.getpid(), host="127.0.0.1", port=free_port(), instance="old", started_at=1.0, version="0.1")
    old.write(home.running)


def remove_the_folder(home: Home) -> None:
    kept = home.token.read_bytes()
    shutil.rmtree(home.state)
    home.state.mkdir(mode=0o700)
    home.token.write_bytes(kept)
    home.token.chmod(0o600)


LOSSES: list[Callable[[Home], None]] = [remove, empty, damage, restore_an_old_one, remove_the_folder]


@pytest.mark.parametrize("lose", LOSSES, ids=lambda lose: lose.__name__)
def test_the_proxy_writes_its_state_again(started: CommandLine, lose: Callable[[Home], None]) -> None:
    before = started.running()
    lose(started.home)
    assert until(lambda: True if Running.read(started.home.running) == before else None, PATIENCE)
    assert "is running at" in started("status").out
    assert "already runs" in started("start").out
    assert started("stop").out == "claude-proxy stopped\n"
    assert not processes.alive(before.pid)
    assert not started.home.running.exists()


def test_the_state_of_a_proxy_that_took_over_is_left(started: CommandLine) -> None:
    mine = started.running()
    newer = msgspec.structs.replace(mine, instance="newer", started_at=mine.started_at + 1)
    newer.write(started.home.running)
    log = started.home.log
    started.home.config.write_text(started.home.config.read_text(encoding="utf-8") + " ", encoding="utf-8")
    assert until(lambda: True if "configuration reloaded" in log.read_text(encoding="utf-8") else None, PATIENCE)
    assert Running.read(started.home.running) == newer
    mine.write(started.home.running)


@pytest.fixture
def lost(started: CommandLine, upstream: str) -> CommandLine:
    """A running proxy that can't write its state file again, and is not at the configured address either."""
    started.home.running.unlink()
    started.home.running.mkdir()
    (started.home.running / "in the way").touch()
    started.configure(upstream)
    return started


def free_the_place(home: Home) -> None:
    shutil.rmtree(home.running)


posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no signal that lets a process finish its work")


@posix
def test_status_start_and_doctor_name_the_process_that_the_lock_names(lost: CommandLine, upstream: str) -> None:
    pid = int((lost.home.state / "serve.lock").read_text(encoding="ascii"))
    try:
        assert processes.alive(pid)
        status = lost("status")
        assert (status.code, f"runs (pid {pid})" in status.out, "not running" in status.out) == (1, True, False)
        start = lost("start")
        assert start.code == 1
        assert f"(pid {pid})" in start.err
        assert f"it runs (pid {pid})" in lost("doctor").out
    finally:
        os.kill(pid, signal.SIGKILL)
        free_the_place(lost.home)


@posix
@pytest.mark.parametrize("options", [[], ["--force"]])
def test_stop_ends_the_process_that_the_lock_names(lost: CommandLine, options: list[str]) -> None:
    pid = int((lost.home.state / "serve.lock").read_text(encoding="ascii"))
    done = lost("stop", *options)
    assert (done.code, done.out.splitlines()[-1]) == (0, "claude-proxy stopped")
    assert not processes.alive(pid)
    free_the_place(lost.home)
    assert "not running" in lost("status").out
    assert lost("stop").out == "claude-proxy is not running\n"


@posix
def test_restart_replaces_the_process_that_the_lock_names(lost: CommandLine) -> None:
    pid = int((lost.home.state / "serve.lock").read_text(encoding="ascii"))
    (lost.home.running / "in the way").unlink()
    done = lost("restart")
    assert done.code == 0, done.err
    assert not processes.alive(pid)
    assert lost.running().pid != pid
    assert lost("status").code == 0


@pytest.mark.parametrize("text", [b"", b" ", b" x\n", b" -5\n", b" 0\n", b" " * 100])
def test_a_lock_without_a_pid_names_no_process(tmp_path: Path, text: bytes) -> None:
    assert holder(tmp_path / "a.lock") is None
    (tmp_path / "a.lock").write_bytes(text)
    assert holder(tmp_path / "a.lock") is None


def test_a_lock_names_the_process_that_holds_it(tmp_path: Path) -> None:
    (tmp_path / "a.lock").write_bytes(b" 123456789\n")
    with exclusive(tmp_path / "a.lock", 0, name_holder=True):
        assert holder(tmp_path / "a.lock") == os.getpid()
