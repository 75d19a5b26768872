"""What another user, or a failing machine, has put in place of the files of a home."""

from __future__ import annotations

import json
import os
import resource
import stat
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from claude_proxy.store.lock import exclusive
from claude_proxy.store.token import installation_token
from fakes.command_line import PATIENCE, CommandLine, Done

pytestmark = pytest.mark.skipif(os.name == "nt", reason="modes, pipes and limits are POSIX")

NO_DISK = (
    "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0));"
    "sys.argv[0] = 'claude-proxy'; runpy.run_module('claude_proxy', run_name='__main__')"
)
"""Runs a command, and what it starts, so that no byte can be written to any file, as on a full disk."""


def without_disk(cli: CommandLine, *arguments: str) -> Done:
    done = subprocess.run(
        [sys.executable, "-c", NO_DISK, *arguments],
        env=cli.environ(),
        capture_output=True,
        timeout=PATIENCE,
        check=False,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    cli.inspect(done.stdout + done.stderr)
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("command", ["start", "status", "stop", "doctor", "logs", "statusline"])
def test_no_command_waits_for_pipes_in_place_of_our_files(cli: CommandLine, upstream: str, command: str) -> None:
    cli.configure(upstream)
    cli.home.prepare()
    locks = [cli.home.state / name for name in ("serve.lock", "start.lock", "edit.lock", "token.lock", "serve.err")]
    for path in (cli.home.log, cli.home.token, cli.home.running, cli.home.memory, *locks):
        os.mkfifo(path)
    done = subprocess.run(
        [sys.executable, "-m", "claude_proxy", command],
        env=cli.environ(),
        capture_output=True,
        timeout=PATIENCE,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    for path in (cli.home.log, cli.home.token, cli.home.running, cli.home.memory, *locks):
        path.unlink(missing_ok=True)  # before anything else reads them
    assert done.returncode in {0, 1}
    assert b"Traceback" not in done.stderr


def test_a_log_that_is_a_link_costs_the_log_and_start_says_so(cli: CommandLine, upstream: str, tmp_path: Path) -> None:
    cli.configure(upstream)
    (tmp_path / "profile").touch(0o644)
    cli.home.log.symlink_to(tmp_path / "profile")
    done = cli("start")
    assert done.code == 0
    warning = "proxy.log cannot be written (it is a link, which is not followed here; remove it); nothing is logged"
    assert f"warning: {warning}" in done.out
    assert f"warning: {warning}" in cli("status").out
    assert "proxy.log is a link to" in cli("doctor").out
    assert (tmp_path / "profile").read_bytes() == b""
    assert stat.S_IMODE((tmp_path / "profile").stat().st_mode) == 0o644


def test_a_token_that_others_could_read_is_replaced_at_the_start(cli: CommandLine, upstream: str) -> None:
    cli.configure(upstream)
    cli.home.prepare()
    old = installation_token(cli.home)
    cli.home.token.chmod(0o644)
    assert "may use state/token (mode 0644)" in cli("doctor").out
    assert cli.token() == old, "doctor only looks"
    done = cli("start")
    assert "warning: other users of this machine could use state/token (mode 0644), so it was replaced" in done.out
    assert cli.token() != old
    assert "so it was replaced" in cli("status").out


def test_a_token_that_others_can_read_while_the_proxy_runs_is_told_and_a_restart_replaces_it(
    started: CommandLine,
) -> None:
    old = started.token()
    started.home.token.chmod(0o640)
    for command in ("start", "status"):
        done = started(command)
        assert done.code == 0
        assert "may use state/token (mode 0640): a restart makes a new one" in done.out
    done = started("doctor", "--fix")
    assert "may use state/token (mode 0640)" in done.out
    assert "restart" in done.out
    assert started.token() == old, "the running proxy takes no other"
    assert started("restart").code == 0
    assert started.token() != old
    assert "may use state/token" not in started("status").out


def test_doctor_replaces_a_token_that_others_could_read_if_no_proxy_uses_it(cli: CommandLine, upstream: str) -> None:
    cli.configure(upstream)
    cli.home.prepare()
    old = installation_token(cli.home)
    cli.home.token.chmod(0o604)
    cli("doctor", "--fix")
    assert cli.token() != old
    assert "may use state/token" not in cli("doctor").out


def test_a_proxy_starts_on_a_full_disk_and_is_found(cli: CommandLine, upstream: str) -> None:
    cli.configure(upstream)
    cli.home.prepare()
    installation_token(cli.home)
    done = without_disk(cli, "start")
    try:
        assert (done.code, done.err) == (0, "")
        for words in ("started at", "proxy.json cannot be written: File too large", "proxy.log cannot be written"):
            assert words in done.out
        assert not cli.home.running.exists()
        again = cli("start")
        assert "already runs" in again.out
        status = cli("status")
        assert status.code == 0
        assert "proxy.json cannot be written" in status.out
        assert cli("run", "--", sys.executable, "-c", "print('ran')").out == "ran\n"
    finally:
        stopped = without_disk(cli, "stop")
    assert stopped.out == "claude-proxy stopped\n"
    assert cli("status").code == 1


def test_a_full_disk_without_a_token_is_an_error_that_says_so(cli: CommandLine, upstream: str) -> None:
    cli.configure(upstream)
    cli.home.prepare()
    done = without_disk(cli, "start")
    assert done.code == 1
    assert f"the token of this home cannot be read or made: {cli.home.token}: File too large" in done.err


def test_the_token_is_not_sent_to_a_program_that_took_the_proxys_port(cli: CommandLine, upstream: str) -> None:
    received = bytearray()

    class Impostor(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            received.extend(f"{self.requestline}\n{self.headers}".encode())
            health = {"service": "claude-proxy", "version": "1", "instance": "a", "proof": "0" * 64}
            body = json.dumps(health).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    cli.home.prepare()
    token = installation_token(cli.home)
    with ThreadingHTTPServer(("127.0.0.1", 0), Impostor) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        cli.configure(upstream, port=server.server_port)
        with exclusive(cli.home.state / "serve.lock", 1):  # as if the home's proxy ran, at another port by now
            done = cli("status")
        server.shutdown()
    assert (done.code, "is not running" in done.out) == (1, True)
    assert b"/health?challenge=" in received
    assert token.encode() not in received


def test_the_running_proxy_writes_no_core_dump(started: CommandLine) -> None:
    limits = Path(f"/proc/{started.running().pid}/limits")
    if not limits.exists():
        pytest.skip("reads Linux's /proc")
    line = next(line for line in limits.read_text(encoding="utf-8").splitlines() if line.startswith("Max core"))
    assert line.split()[4:6] == ["0", "0"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")
def test_run_itself_writes_no_core_dump_and_its_command_keeps_the_users_limit(started: CommandLine) -> None:
    code = (
        "import os, pathlib, resource, time\n"
        "limits = pathlib.Path(f'/proc/{os.getppid()}/limits')\n"
        "end = time.monotonic() + 20\n"
        "def core(): return [l.split()[4] for l in limits.read_text().splitlines() if l.startswith('Max core')][0]\n"
        "while core() != '0' and time.monotonic() < end: pass\n"
        "print(core(), resource.getrlimit(resource.RLIMIT_CORE)[0])"
    )
    limit = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (min(4096, limit[1]) if limit[1] >= 0 else 4096, limit[1]))
    try:
        done = started("run", "--", sys.executable, "-c", code)
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, limit)
    assert done.out == f"0 {4096 if limit[1] < 0 else min(4096, limit[1])}\n"


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is of Linux")
def test_a_process_without_core_dumps_is_not_dumpable(cli: CommandLine) -> None:
    code = (
        "import ctypes, resource; from claude_proxy.app.process_privacy import forbid_core_dumps\n"
        "forbid_core_dumps()\n"
        "print(ctypes.CDLL(None).prctl(3), resource.getrlimit(resource.RLIMIT_CORE))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=cli.environ(), capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    assert done.stdout == "0 (0, 0)\n"
