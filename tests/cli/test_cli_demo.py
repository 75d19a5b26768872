from __future__ import annotations

import asyncio
import http.client
import io
import json
import re
import signal
from collections.abc import AsyncIterator

import pytest
from rich.console import Console

from claude_proxy.cli import demo
from claude_proxy.cli.demo import demo_providers
from fakes.command_line import CommandLine, line_with, listening

ANSWER = " ".join(demo_providers.TEXT.split())


def test_once_shows_the_failover_and_ends(cli: CommandLine) -> None:
    done = cli("demo", "--once")
    assert (done.code, done.err) == (0, "")
    steps = [
        "The proxy listens at http://127.0.0.1:",
        "busy     was asked, and answered 429 Too Many Requests",
        "steady   was asked, and answered 200 OK",
        "The client sees 200",
        "Hello from the second provider.",
        "x-claude-proxy-attempts: busy=429, steady=200",
        "It works",
    ]
    places = [done.out.find(step) for step in steps]
    assert -1 not in places
    assert places == sorted(places)
    assert ANSWER in " ".join(done.out.split())


def test_it_needs_no_configuration_and_leaves_nothing(cli: CommandLine) -> None:
    cli("demo", "--once")
    assert list(cli.home.root.iterdir()) == []


def test_uses_another_port_if_the_default_one_is_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_providers, "PAUSE", 0)
    with listening() as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(demo, "PORT", port)
        code, shown = play()
    assert code == 0
    assert "listens at http://127.0.0.1:" in shown
    assert f"127.0.0.1:{port}" not in shown


def play() -> tuple[int, str]:
    out = Console(file=io.StringIO(), width=120, highlight=False, markup=False)
    code = asyncio.run(demo.play(out, once=True))
    assert isinstance(out.file, io.StringIO)
    return code, out.file.getvalue()


def test_a_failover_that_does_not_work_is_1(monkeypatch: pytest.MonkeyPatch) -> None:
    async def cut(question: demo_providers.DemoRequest) -> AsyncIterator[demo_providers.Event]:
        async for event in events(question):
            if event.kind == "content_block_stop":
                return
            yield event

    events = demo_providers._events
    monkeypatch.setattr(demo_providers, "_events", cut)
    monkeypatch.setattr(demo_providers, "PAUSE", 0)
    code, shown = play()
    assert code == 1
    assert "It did not work" in shown


def test_a_first_provider_that_does_not_fail_is_no_failover(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_providers, "rate_limited", demo_providers.answering)
    monkeypatch.setattr(demo_providers, "PAUSE", 0)
    assert play()[0] == 1


def ask(url: str, token: str, **fields: object) -> tuple[int, str]:
    body = json.dumps({"model": "claude-haiku-5-5", "messages": [], **fields})
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    connection.request("POST", "/v1/messages?beta=true", body, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows sends Ctrl-C to a console, not to a process")
def test_it_stays_and_answers_until_ctrl_c(cli: CommandLine) -> None:
    with cli.spawned("demo") as process:
        exported = line_with(process.stdout, "export ANTHROPIC_BASE_URL=")
        found = re.search(r"ANTHROPIC_BASE_URL=(\S+) ANTHROPIC_AUTH_TOKEN=(\S+)", exported)
        assert found
        assert "$env:ANTHROPIC_BASE_URL" in line_with(process.stdout, "PowerShell")
        assert line_with(process.stdout, "Ctrl-C")
        status, whole = ask(found[1], found[2])
        assert status == 200
        assert json.loads(whole)["content"] == [{"type": "text", "text": demo_providers.TEXT}]
        assert "claude-haiku-5-5: " in line_with(process.stdout, "claude-haiku-5-5")
        status, stream = ask(found[1], found[2], stream=True)
        assert status == 200
        assert stream.rstrip().endswith('{"type":"message_stop"}')
        done = cli.end(process, signal.SIGINT)
    assert (done.code, done.err.strip()) == (130, "")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows sends Ctrl-C to a console, not to a process")
def test_ctrl_c_in_the_middle_of_the_text_is_quiet(cli: CommandLine) -> None:
    with cli.spawned("demo") as process:
        assert line_with(process.stdout, "The client sees 200")
        done = cli.end(process, signal.SIGINT)
    assert (done.code, done.err.strip()) == (130, "")
    assert ANSWER not in " ".join(done.out.split())
