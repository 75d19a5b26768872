from __future__ import annotations

import http.client
import json
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from claude_proxy.cli.background import admin_client, lifecycle, processes
from claude_proxy.cli.main import main
from claude_proxy.store.running import Running
from fakes.command_line import PATIENCE, CommandLine, line_with
from fakes.scripts import json_answer
from fakes.steps import Reached, Wait
from fakes.threaded import serving


@dataclass(slots=True)
class Busy:
    """A proxy with one request in flight, which its provider answers when `release` is set."""

    cli: CommandLine
    running: Running
    release: threading.Event
    answer: Future[int]


def ask(port: int, token: str) -> int:
    """Send a request that is not streamed, and return the status of its answer; 0 where it is cut."""
    body = json.dumps({"model": "claude-opus-5-5", "max_tokens": 5, "messages": []}).encode()
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("POST", "/v1/messages", body, headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


@contextmanager
def held() -> Iterator[tuple[str, threading.Event, threading.Event]]:
    """Serve a provider that sets the first event when it is asked, and answers when the second one is set."""
    asked, release = threading.Event(), threading.Event()
    with serving([Reached(asked), Wait(release), *json_answer(200)]) as url:
        try:
            yield url, asked, release
        finally:
            release.set()


@pytest.fixture
def busy(cli: CommandLine) -> Iterator[Busy]:
    with ThreadPoolExecutor(1) as pool, held() as (url, asked, release):
        cli.configure(url)
        assert cli("start").code == 0
        answer = pool.submit(ask, cli.running().port, cli.token())
        try:
            assert asked.wait(PATIENCE)
            yield Busy(cli, cli.running(), release, answer)
        finally:
            release.set()
            cli.clean_up()


def test_waits_for_a_request_in_flight(busy: Busy) -> None:
    with busy.cli.spawned("stop") as process:
        line = line_with(process.stdout, "waiting for")
        assert line.startswith("waiting for 1 request in flight")
        assert process.poll() is None
        assert not busy.answer.done()
        busy.release.set()
        assert line_with(process.stdout, "stopped") == "claude-proxy stopped\n"
        assert process.wait(PATIENCE) == 0
    assert busy.answer.result() == 200
    assert not processes.alive(busy.running.pid)


def test_stops_waiting_after_the_timeout(busy: Busy) -> None:
    done = busy.cli("stop", "--timeout", "0.1")
    assert done.code == 1
    assert "still waits for requests after 0.1 s" in done.err
    assert "--force" in done.err
    assert processes.alive(busy.running.pid)


def test_force_cuts_requests(busy: Busy) -> None:
    done = busy.cli("stop", "--force")
    assert (done.code, done.out) == (0, "cutting 1 request in flight\nclaude-proxy stopped\n")
    assert "service stopped" in busy.cli("logs", "--raw").out  # it ended by itself, and was not killed
    assert busy.answer.result() != 200
    assert not processes.alive(busy.running.pid)


def test_force_ends_a_proxy_that_is_already_stopping(busy: Busy) -> None:
    busy.cli("stop", "--timeout", "0")
    again = busy.cli("stop", "--timeout", "0.1")
    assert "it is already stopping" in again.out
    assert again.code == 1
    done = busy.cli("stop", "--force")
    assert (done.code, done.out) == (0, "claude-proxy stopped\n")
    assert not processes.alive(busy.running.pid)


def test_while_it_is_stopping_there_is_no_second_one(busy: Busy) -> None:
    busy.cli("stop", "--timeout", "0")
    assert processes.until(lambda: lifecycle.find(busy.cli.home) is None or None, PATIENCE)
    status = busy.cli("status")
    assert status.code == 1
    assert "is stopping" in status.out
    assert json.loads(busy.cli("status", "--json").out)["draining"] is True
    done = busy.cli("start")
    assert done.code == 1
    assert "still finishes the requests" in done.err
    assert Running.read(busy.cli.home.running) == busy.running


def test_a_proxy_that_stops_listening_while_status_asks_is_stopping(
    busy: Busy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    busy.cli("stop", "--timeout", "0")
    assert processes.until(lambda: lifecycle.find(busy.cli.home) is None or None, PATIENCE)
    answers = [busy.running, None]  # it was found just before it stopped listening
    monkeypatch.setattr(lifecycle, "find", lambda _: answers.pop(0))
    monkeypatch.setenv("CLAUDE_PROXY_HOME", str(busy.cli.home.root))
    assert main(["status"]) == 1
    assert "is stopping" in capsys.readouterr().out


def test_ctrl_c_ends_the_waiting_only(busy: Busy) -> None:
    # it may come between the opening of any of the files that are looked at and whoever would close it
    environ = {"PYTHONWARNINGS": "default,ignore:unclosed file:ResourceWarning"}
    with busy.cli.spawned("stop", environ=environ) as process:
        line_with(process.stdout, "waiting for")
        done = busy.cli.end(process, signal.SIGINT)
    assert (done.code, done.err.strip()) == (130, "")
    assert processes.alive(busy.running.pid)
    busy.release.set()
    assert busy.answer.result() == 200


@pytest.mark.skipif(os.name == "nt", reason="a Ctrl-C there reaches every process of the console")
def test_ctrl_c_says_what_the_proxy_waits_for(cli: CommandLine) -> None:
    with held() as (url, asked, release), ThreadPoolExecutor(1) as pool:
        cli.configure(url)
        with cli.spawned("serve") as process:
            line_with(process.stdout, "listens at")
            answer = pool.submit(ask, cli.running().port, cli.token())
            assert asked.wait(PATIENCE)
            process.send_signal(signal.SIGINT)
            assert line_with(process.stderr, "waiting") == "waiting for 1 request; Ctrl-C again cuts it\n"
            done = cli.end(process, signal.SIGINT)
            release.set()
    assert (done.code, done.err) == (0, "")
    assert answer.result() != 200


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGSTOP")
def test_a_proxy_that_hangs_can_be_ended(
    started: CommandLine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLAUDE_PROXY_HOME", str(started.home.root))
    monkeypatch.setattr(
        admin_client.AdminClient,
        "of",
        lambda running, token="": admin_client.AdminClient("127.0.0.1", running.port, token, 0.1),
    )
    running = started.running()
    os.kill(running.pid, signal.SIGSTOP)
    try:
        assert main(["status"]) == 1
        assert f"the proxy (pid {running.pid}) does not answer" in capsys.readouterr().err
        assert main(["stop"]) == 1
        assert "--force" in capsys.readouterr().err
        assert main(["stop", "--force"]) == 0
    finally:
        if processes.alive(running.pid):
            os.kill(running.pid, signal.SIGCONT)
    assert capsys.readouterr().out == "claude-proxy stopped\n"
    assert not processes.alive(running.pid)


def test_a_proxy_that_does_not_know_our_token_can_be_ended(started: CommandLine) -> None:
    started.home.token.write_text("another-token-of-another-time\n", encoding="ascii")
    status = started("status")
    assert status.code == 1
    assert "401" in status.err
    assert "restart --force" in status.err
    assert started("stop").code == 1
    assert started("stop", "--force").code == 0


def test_a_missing_home_has_no_proxy(cli: CommandLine) -> None:
    assert not lifecycle.is_served(cli.home)
    assert lifecycle.find_draining(cli.home) is None
