from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from claude_proxy.cli.background import port_owner
from claude_proxy.cli.background.port_owner import Owner, owner_of
from fakes.command_line import free_port, listening

LSOF = "p4242\ncnode\n"
NETSTAT = """
Aktive Verbindungen

  Proto  Lokale Adresse         Remoteadresse          Status           PID
  TCP    0.0.0.0:135            0.0.0.0:0              ABHÖREN          1044
  TCP    127.0.0.1:8787         127.0.0.1:50000        HERGESTELLT      77
  TCP    127.0.0.1:18787        0.0.0.0:0              ABHÖREN          78
  TCP    127.0.0.1:8787         0.0.0.0:0              ABHÖREN          4242
  TCP    [::]:445               [::]:0                 ABHÖREN          4
  UDP    0.0.0.0:8787           *:*                                     99
"""
TASKLIST = '"node.exe","4242","Console","1","12.345 K"\n'


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")
def test_on_linux_the_owner_is_found() -> None:
    with listening() as taken:
        owner = owner_of(taken.getsockname()[1])
    assert owner == Owner(os.getpid(), Path("/proc/self/comm").read_text(encoding="utf-8").strip())
    assert str(owner).endswith(f"(pid {os.getpid()})")


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")
def test_a_port_that_is_free_has_no_owner() -> None:
    assert owner_of(free_port()) is None


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")
def test_a_program_that_only_connects_from_a_port_does_not_own_it() -> None:
    with listening() as taken, socket.create_connection(taken.getsockname()) as client:
        assert owner_of(client.getsockname()[1]) is None


def answering_with(monkeypatch: pytest.MonkeyPatch, platform: str, outputs: dict[str, str]) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(port_owner, "_run", lambda program, *_: outputs[program])


def test_on_macos_lsof_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    answering_with(monkeypatch, "darwin", {"lsof": LSOF})
    assert owner_of(8787) == Owner(4242, "node")
    answering_with(monkeypatch, "darwin", {"lsof": ""})
    assert owner_of(8787) is None


def test_on_windows_netstat_and_tasklist_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    answering_with(monkeypatch, "win32", {"netstat": NETSTAT, "tasklist": TASKLIST})
    assert owner_of(8787) == Owner(4242, "node.exe")
    assert owner_of(445) == Owner(4, "a program")
    assert owner_of(8788) is None


@pytest.mark.parametrize("error", [FileNotFoundError(), subprocess.TimeoutExpired("lsof", 3), PermissionError()])
def test_an_unknown_owner_is_no_error(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: str) -> str:
        raise error

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(port_owner, "_run", fail)
    assert owner_of(8787) is None


def process(proc: Path, pid: int, command: str, uid: int | None = None) -> None:
    folder = proc / str(pid)
    folder.mkdir(parents=True)
    (folder / "cmdline").write_bytes(command.replace(" ", "\0").encode() + b"\0")
    (folder / "comm").write_text("python\n", encoding="utf-8")
    (folder / "status").write_text(f"Name:\tx\nUid:\t{os.getuid() if uid is None else uid}\t0\n", encoding="utf-8")


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")
@pytest.mark.parametrize("command", ["/venv/bin/python -P -m claude_proxy serve", "python /bin/claude-proxy serve"])
def test_a_proxy_that_hides_its_sockets_is_found_if_there_is_no_other(tmp_path: Path, command: str) -> None:
    process(tmp_path, os.getpid(), command)
    process(tmp_path, 7, "vim serve claude_proxy.py")
    process(tmp_path, 8, command, uid=os.getuid() + 1)
    (tmp_path / "9").mkdir()  # gone meanwhile
    assert port_owner._find_hidden_proxy(tmp_path) is None
    process(tmp_path, 4242, command)
    assert port_owner._find_hidden_proxy(tmp_path) == Owner(4242, "python")
    process(tmp_path, 4243, command)
    assert port_owner._find_hidden_proxy(tmp_path) is None, "it can't be known which"
