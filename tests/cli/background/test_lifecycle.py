from __future__ import annotations

import json
import os
import re
import stat
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from claude_proxy import __version__
from claude_proxy.cli.background import processes
from claude_proxy.store.running import Running
from fakes.command_line import CommandLine, free_port, line_with, listening
from fakes.scripts import json_answer
from fakes.threaded import serving


def test_a_proxy_is_started_seen_and_stopped(cli: CommandLine, upstream: str) -> None:
    port = cli.configure(upstream, upstream)
    done = cli("start")
    assert done.code == 0
    assert f"claude-proxy {__version__} started at http://127.0.0.1:{port} (pid " in done.out
    assert "minimax, moonshot" in done.out
    assert cli("status").code == 0
    running = cli.running()
    done = cli("stop")
    assert (done.code, done.out) == (0, "claude-proxy stopped\n")
    assert not processes.alive(running.pid)
    assert not cli.home.running.exists()
    assert cli("status").code == 1


def test_starting_twice_leaves_the_first(started: CommandLine) -> None:
    running = started.running()
    done = started("start")
    assert done.code == 0
    assert "already runs" in done.out
    assert started.running() == running


def test_starts_at_the_same_time_make_one_proxy(cli: CommandLine, upstream: str) -> None:
    cli.configure(upstream)
    with ThreadPoolExecutor(4) as pool:
        done = [future.result() for future in [pool.submit(cli, "start") for _ in range(4)]]
    assert [one.code for one in done] == [0] * 4
    assert sum("started at" in one.out for one in done) == 1
    assert len({re.findall(r"pid \d+", one.out)[0] for one in done}) == 1
    assert cli.home.log.read_text(encoding="utf-8").count("started:") == 1


def test_a_restart_makes_a_new_proxy_with_the_new_configuration(started: CommandLine, upstream: str) -> None:
    before = started.running()
    port = started.configure(upstream)
    done = started("restart")
    assert done.code == 0
    assert "claude-proxy stopped\n" in done.out
    after = started.running()
    assert (after.port, after.instance) != (before.port, before.instance)
    assert after.port == port


def test_a_restart_into_a_broken_configuration_leaves_the_proxy(started: CommandLine) -> None:
    before = started.running()
    started.home.config.write_text("{", encoding="utf-8")
    assert started("restart").code == 2
    assert started.running() == before
    assert started("status").code == 0


def test_a_restart_onto_a_port_of_another_program_leaves_the_proxy(started: CommandLine, upstream: str) -> None:
    before = started.running()
    with listening() as taken:
        started.configure(upstream, port=taken.getsockname()[1])
        done = started("restart")
        assert done.code == 3
        assert f"error: port {taken.getsockname()[1]} is used by " in done.err
        assert "stopped" not in done.out
        assert started.running() == before
        assert started("status").code == 0


def test_a_restart_starts_what_does_not_run(cli: CommandLine, upstream: str) -> None:
    cli.configure(upstream)
    assert cli("restart").code == 0
    assert cli("status").code == 0


def test_stopping_what_does_not_run_is_no_error(cli: CommandLine) -> None:
    done = cli("stop")
    assert (done.code, done.out, done.err) == (0, "claude-proxy is not running\n", "")


def test_a_serve_in_the_terminal_is_the_same_proxy(cli: CommandLine, upstream: str) -> None:
    port = cli.configure(upstream)
    with cli.spawned("serve") as process:
        assert f"http://127.0.0.1:{port}" in line_with(process.stdout, "listens at")
        assert cli.running().pid == process.pid
        assert "already runs" in cli("start").out
        second = cli("serve")
        assert (second.code, second.out) == (1, "")
        assert "already runs" in second.err
        done = cli.end(process)
    assert done.code == 0
    assert not cli.home.running.exists()


@pytest.mark.skipif(os.name == "nt", reason="there is no kill that cannot be caught on Windows")
def test_after_a_kill_the_next_start_repairs_the_state(started: CommandLine) -> None:
    before = started.running()
    processes.kill(before.pid)
    while processes.alive(before.pid):
        time.sleep(0.01)  # noqa: TID251 - no one tells of the end of a process that is not our child
    assert started.home.running.exists()
    assert started("status").code == 1
    done = started("start")
    assert "started at" in done.out
    assert started.running().instance != before.instance


def leftovers(port: int) -> list[bytes]:
    """Return what a state file may hold that is no longer true: our own pid stands for one that another program got."""
    stale = Running(pid=os.getpid(), host="127.0.0.1", port=port, instance="gone", started_at=0, version="0.1.0")
    nobody = msgspec.structs.replace(stale, port=free_port())
    return [msgspec.json.encode(stale), msgspec.json.encode(nobody), b"", b"not JSON"]


@pytest.mark.parametrize("which", range(4))
def test_replaces_a_stale_state_file(cli: CommandLine, upstream: str, which: int) -> None:
    health = {"status": "ok", "service": "claude-proxy", "version": "0.1.0", "instance": "another one"}
    with serving(json_answer(200, health)) as other:
        cli.configure(upstream)
        cli.home.prepare()
        content = leftovers(int(other.rpartition(":")[2]))[which]
        cli.home.running.write_bytes(content)
        assert cli("status").code == 1
        assert cli("stop").out == "claude-proxy is not running\n"
        assert not cli.home.running.exists()
        cli.home.running.write_bytes(content)
        assert "started at" in cli("start").out
        assert cli("status").code == 0


def test_names_the_program_that_uses_the_port(cli: CommandLine, upstream: str) -> None:
    with listening() as taken:
        port = cli.configure(upstream, port=taken.getsockname()[1])
        done = cli("start")
    assert done.code == 3
    first, hint = done.err.splitlines()
    assert first.startswith(f"error: port {port} is used by ")
    if sys.platform == "linux":
        assert f"(pid {os.getpid()})" in first
    assert '"proxy_port" in config.json' in hint
    assert not cli.home.running.exists()


def test_says_that_the_proxy_of_another_home_uses_the_port(started: CommandLine, tmp_path: Path, upstream: str) -> None:
    other = CommandLine(type(started.home)(tmp_path / "other"))
    other.home.root.mkdir()
    other.configure(upstream, port=started.running().port)
    done = other("serve")
    assert done.code == 3
    assert "the claude-proxy of another home" in done.err


@pytest.mark.parametrize("command", ["start", "serve", "restart", "check"])
def test_reports_a_broken_configuration_line_by_line(cli: CommandLine, upstream: str, command: str) -> None:
    cli.configure(upstream, port=99_999, cooldown_minuets=3)
    done = cli(command)
    assert done.code == 2
    assert done.out == ""
    lines = done.err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("error: config.json: ") for line in lines)
    assert "cooldown_minutes" in done.err


@pytest.mark.parametrize("command", ["start", "serve", "check", "run"])
def test_a_first_start_without_configuration_says_what_to_do(cli: CommandLine, command: str) -> None:
    done = cli(command, *(["--", "true"] if command == "run" else []))
    assert done.code == 2
    assert "config.example.json" in done.err


def test_reports_a_folder_that_cannot_be_created(cli: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = cli("start", environ={"CLAUDE_PROXY_HOME": str(tmp_path / "file" / "home")})
    assert done.code == 2
    assert "CLAUDE_PROXY_HOME" in done.err


def test_a_proxy_that_ends_at_once_says_why(cli: CommandLine, upstream: str) -> None:
    cli.configure(upstream, host="192.0.2.1")  # an address for documentation, which no machine has
    done = cli("start")
    assert done.code == 1
    assert "cannot listen on 192.0.2.1" in done.err


def test_a_relative_home_and_source_are_found_by_the_new_process(
    cli: CommandLine, upstream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli.configure(upstream)
    source = cli.environ()["PYTHONPATH"]
    monkeypatch.chdir(cli.home.root.parent)
    done = cli("start", environ={"CLAUDE_PROXY_HOME": "home", "PYTHONPATH": os.path.relpath(source)})
    assert done.code == 0, done.err


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_a_home_that_is_a_checkout_works_and_is_closed_to_others(cli: CommandLine, upstream: str) -> None:
    (cli.home.root / "src").mkdir()
    (cli.home.root / "proxy.py").write_text("raise SystemExit('not this one')", encoding="utf-8")
    (cli.home.root / "click.py").write_text("raise SystemExit('nor this one')", encoding="utf-8")
    cli.home.root.chmod(0o755)
    cli.configure(upstream)
    assert cli("start").code == 0
    assert stat.S_IMODE(cli.home.root.stat().st_mode) == 0o700
    for path in (cli.home.log, cli.home.token, cli.home.running, cli.home.state / "serve.err"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(os.name == "nt", reason="Windows has no sessions")
def test_the_proxy_outlives_the_terminal_that_started_it(started: CommandLine) -> None:
    pid = started.running().pid
    assert os.getsid(pid) == pid


def test_status_of_a_proxy_is_json_for_programs(started: CommandLine) -> None:
    done = started("status", "--json")
    facts = json.loads(done.out)
    assert done.code == 0
    assert facts["running"] is True
    assert facts["url"] == f"http://127.0.0.1:{started.running().port}"
    assert facts["instance"] == started.running().instance
    assert [provider["name"] for provider in facts["providers"]] == ["minimax", "moonshot"]
    assert facts["providers"][0]["key"] == "MINIMAX_API_KEY"


def test_status_without_a_proxy_is_json_as_well(cli: CommandLine) -> None:
    done = cli("status", "--json")
    assert done.code == 1
    assert json.loads(done.out) == {
        "running": False,
        "draining": False,
        "home": str(cli.home.root),
        "terminal": {"mode": "normal"},
        "version": __version__,
    }


def test_without_json_it_is_a_sentence(cli: CommandLine) -> None:
    done = cli("status")
    assert done.code == 1
    assert done.out.startswith("claude-proxy is not running")
