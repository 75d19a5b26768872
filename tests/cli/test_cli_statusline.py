"""The line in Claude Code's status line: what it says, and that nothing keeps it from saying it."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from claude_proxy.cli.claude_code import statusline_text
from claude_proxy.proxy.status_tracker import MAX_SESSIONS
from claude_proxy.store.running import Running
from fakes.async_test import async_test
from fakes.command_line import PATIENCE, CommandLine, free_port, listening, one_request
from fakes.provider import FakeProvider
from fakes.proxy import TOKEN, RunningProxy, running_proxy
from fakes.scripts import json_answer, message
from fakes.steps import Status
from fakes.threaded import serving

SESSION = "5f0c1d2e-0000-4000-8000-000000000001"
DOWN = "claude-proxy: fallback | the proxy is not running"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that holds the token of the fake installation."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "token").write_text(TOKEN, encoding="ascii")
    return tmp_path


def environ(home: Path, url: str, token: str = TOKEN) -> dict[str, str]:
    return {"CLAUDE_PROXY_HOME": str(home), "ANTHROPIC_BASE_URL": url, "ANTHROPIC_AUTH_TOKEN": token}


def given(session: str = SESSION) -> bytes:
    return json.dumps({"session_id": session, "model": {"display_name": "Opus"}, "cwd": "/"}).encode()


async def told(home: Path, proxy: RunningProxy, pin: str = "", session: str = SESSION) -> str:
    url = proxy.url + (f"/provider/{pin}" if pin else "")
    return await asyncio.to_thread(statusline_text.line, environ(home, url), lambda: given(session), PATIENCE)


# What it says


@async_test
async def test_shows_the_last_answer_of_this_session_and_of_no_other(home: Path) -> None:
    async with running_proxy(FakeProvider(message("one")), FakeProvider(message("two"))) as proxy:
        assert await told(home, proxy) == "claude-proxy: fallback"
        await (await proxy.post(headers={"X-Claude-Code-Session-Id": SESSION})).read()
        await (await proxy.post("/provider/moonshot/v1/messages", headers={"X-Claude-Code-Session-Id": "b"})).read()
        await proxy.ledger.wait_for_accounts(2)
        assert await told(home, proxy) == "claude-proxy: fallback | minimax (claude-opus-5-5) | today ?"
        assert await told(home, proxy, session="b") == "claude-proxy: fallback | moonshot (claude-opus-5-5) | today ?"
        assert await told(home, proxy, session="") == "claude-proxy: fallback | today ?"


@async_test
async def test_shows_a_cooldown_and_its_end(home: Path) -> None:
    busy = Status(429, headers={"retry-after": "40"})
    async with running_proxy(FakeProvider([busy]), FakeProvider(message("two"))) as proxy:
        await (await proxy.post(headers={"X-Claude-Code-Session-Id": SESSION})).read()
        await proxy.ledger.wait_for_accounts(1)
        until = (await proxy.status())["minimax"]["cooldown_until"]
        now = datetime.now().astimezone().date()
        end = datetime.fromtimestamp(until).astimezone()
        clock = end.strftime("%H:%M" if end.date() == now else "%Y-%m-%d %H:%M")
        cooldown = f"minimax: cooldown until {clock} (too many requests)"
        answer = "moonshot (claude-opus-5-5) | today ? | 1 failover"
        assert await told(home, proxy) == f"claude-proxy: fallback | {answer} | {cooldown}"
        assert (await told(home, proxy, "minimax")).startswith("claude-proxy: pinned minimax | moonshot")
        assert (await told(home, proxy, "minimax")).endswith(cooldown)
        assert "cooldown" not in await told(home, proxy, "moonshot")
        assert "claude-proxy: pinned nobody | no such provider |" in await told(home, proxy, "nobody")


@pytest.mark.parametrize(
    ("through", "words"),
    [
        (True, "fallback | ! pinned by /model: zai/glm-5, without failover"),
        (False, "direct | ! pinned by /model: zai/glm-5, only through the proxy"),
    ],
)
def test_a_model_that_names_its_provider_is_shown_in_each_session(home: Path, words: str, *, through: bool) -> None:
    environment = environ(home, "http://127.0.0.1:1") if through else {"CLAUDE_PROXY_HOME": str(home)}
    received = json.dumps({"session_id": SESSION, "model": {"id": "claude-proxy/zai/glm-5"}}).encode()
    assert statusline_text.line(environment, lambda: received).startswith(f"claude-proxy: {words}")


@async_test
async def test_the_proxy_remembers_a_bounded_number_of_sessions(home: Path) -> None:
    async with running_proxy(FakeProvider(message("one"))) as proxy:
        connection = await proxy.connect()
        for number in (*range(MAX_SESSIONS + 1), "x" * 65, 1):
            headers = {"X-Claude-Code-Session-Id": str(number)}
            await (await proxy.post(headers=headers, connection=connection)).read()
        await proxy.ledger.wait_for_accounts(MAX_SESSIONS + 3)
        sessions = (await (await proxy.ask("GET", "/admin/status")).json())["sessions"]
    assert list(sessions) == [str(number) for number in (*range(2, MAX_SESSIONS + 1), 1)]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "direct"),
        ("https://api.anthropic.com", "direct (api.anthropic.com)"),
        ("http://user:pass-word@gateway.example:4000/v1", "direct (gateway.example)"),
        ("http://127.0.0.1:4000", "direct (127.0.0.1)"),
        ("http://[::1]", "direct (::1)"),
        ("not an address", "direct"),
        ("http://127.0.0.1:99x", "direct (127.0.0.1)"),
    ],
)
def test_a_terminal_that_does_not_use_the_proxy_is_direct(home: Path, url: str, said: str) -> None:
    assert statusline_text.line(environ(home, url, "sk-of-another"), given) == f"claude-proxy: {said}"


def test_the_token_goes_to_no_other_machine(home: Path) -> None:
    running = Running(pid=1, host="127.0.0.1", port=8787, instance="a", started_at=0.0, version="0")
    running.write(home / "state" / "proxy.json")
    assert statusline_text.proxy_target_of(environ(home, "http://gateway.example:8787", "other")) is None
    assert statusline_text.proxy_target_of(environ(home, "http://localhost:8788", "other")) is None
    assert statusline_text.proxy_target_of(environ(home, "https://localhost:8787", "other")) is None
    target = statusline_text.proxy_target_of(environ(home, "http://localhost:8787/provider/zai/", "other"))
    assert target is not None
    assert (target.host, target.port, target.pin) == ("localhost", 8787, "zai")


def test_says_why_the_proxy_cannot_be_asked(home: Path) -> None:
    assert statusline_text.line(environ(home, f"http://127.0.0.1:{free_port()}"), given) == DOWN
    with listening() as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert statusline_text.line(environ(home, url), given).endswith("| the proxy does not answer")
    for status, reason in (
        (401, "the proxy does not accept this token"),
        (404, "the proxy is of another version: restart it"),
        (200, "the proxy does not tell its state"),
        (500, "the proxy does not tell its state"),
    ):
        with serving(json_answer(status, content="nonsense")) as url:
            line = statusline_text.line(environ(home, url), given, PATIENCE)
            assert line == f"claude-proxy: fallback | {reason}"


@pytest.mark.parametrize(
    ("style", "code"),
    [("strong", "36"), ("warning", "33"), ("error", "1;31"), ("plain", ""), ("new", "")],
)
def test_each_fact_is_coloured_by_its_style(home: Path, style: str, code: str) -> None:
    with serving(json_answer(200, content=[["a fact", style], "of an older proxy"])) as url:
        line = statusline_text.line(environ(home, url), given, PATIENCE, colour=True)
    shown = f"\x1b[{code}ma fact\x1b[0m" if code else "a fact"
    assert line == f"claude-proxy: fallback | {shown} | of an older proxy"


FACTS = [["a" * 20, "strong"], ["b" * 20, "error"], ["c" * 20, "plain"], ["d" * 90, "plain"], ["e" * 20, "plain"]]
MODE = "claude-proxy: fallback"


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ("", [[MODE, "a", "b", "c", "d", "e"]]),
        ("1000", [[MODE, "a", "b", "c", "d", "e"]]),
        ("95", [[MODE, "a", "b", "c"], ["d"], ["e"]]),
        ("94", [[MODE, "a", "b"], ["c"], ["d", "e"]]),
        ("72", [[MODE, "a", "b"], ["c"], ["d", "e"]]),
        ("71", [[MODE, "a"], ["b", "c"], ["d", "e"]]),
        ("1", [[MODE], ["a"], ["b", "c", "d", "e"]]),
        ("-80", [[MODE, "a", "b", "c", "d", "e"]]),
        ("wide", [[MODE, "a", "b", "c", "d", "e"]]),
        ("9" * 5000, [[MODE, "a", "b", "c", "d", "e"]]),
    ],
)
@pytest.mark.parametrize("colour", [False, True])
def test_what_claude_code_would_cut_off_is_on_another_line(
    home: Path, columns: str, expected: list[list[str]], *, colour: bool
) -> None:
    with serving(json_answer(200, content=FACTS)) as url:
        text = statusline_text.line({**environ(home, url), "COLUMNS": columns}, given, PATIENCE, colour=colour)
    plain = re.sub("\x1b\\[[0-9;]*m", "", text)
    shown = [[fact if fact == MODE else fact[0] for fact in line.split(" | ")] for line in plain.split("\n")]
    assert shown == expected
    assert ("\x1b" in text) is colour


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_the_command_colours_what_it_prints_unless_the_user_says_no(
    led: dict[str, str], variables: dict[str, str], *, coloured: bool
) -> None:
    given_variables = {name: value for name, value in led.items() if name not in {"NO_COLOR", "TERM"}} | variables
    received = json.dumps({"model": {"id": "claude-proxy/zai/glm-5"}}).encode()
    assert ("\x1b[1;31m! pinned by /model" in next(lines(given_variables, received))) is coloured


def test_the_proxys_answer_is_checked_and_made_printable(home: Path) -> None:
    evil = [7, "\x1b[2Jx", {"name": "x"}, ["z"], ["z\x9b", "\x1b[31m"], ["z", 1], "y" * 1000]
    with serving(json_answer(200, content=evil)) as url:
        line = statusline_text.line(environ(home, url), given, PATIENCE)
    assert line == f"claude-proxy: fallback | ?[2Jx | z? | {'y' * 197}..."


# The command


@pytest.fixture
def led(shared: CommandLine) -> dict[str, str]:
    """The environment of a terminal in fallback mode."""
    base = f"http://127.0.0.1:{shared.running().port}"
    return shared.environ({"ANTHROPIC_BASE_URL": base, "ANTHROPIC_AUTH_TOKEN": shared.token(), "NO_COLOR": "1"})


def lines(environ: dict[str, str], data: bytes | None) -> Iterator[str]:
    """Run the command again and again: on a busy machine its short limits may run out."""
    for _ in range(20):
        done = subprocess.run(
            [sys.executable, "-P", "-m", "claude_proxy", "statusline"],
            env=environ,
            input=data,
            stdin=subprocess.DEVNULL if data is None else None,
            capture_output=True,
            timeout=PATIENCE,
            check=True,
        )
        assert done.stderr == b""
        yield done.stdout.decode().replace(" | today ?", "")  # other tests send requests too


def test_the_command_reads_the_session_and_asks_the_running_proxy(led: dict[str, str], shared: CommandLine) -> None:
    code = (
        "import http.client, os, urllib.parse\n"
        "url = urllib.parse.urlsplit(os.environ['ANTHROPIC_BASE_URL'])\n"
        "connection = http.client.HTTPConnection(url.hostname, url.port)\n"
        "headers = {'x-api-key': os.environ['ANTHROPIC_AUTH_TOKEN'], 'content-type': 'application/json',\n"
        f"           'x-claude-code-session-id': '{SESSION}'}}\n"
        'connection.request("POST", "/v1/messages", b\'{"model": "claude-opus-5-5", "messages": []}\', headers)\n'
        "assert connection.getresponse().status == 200\n"
    )
    subprocess.run([sys.executable, "-c", code], env=led, check=True, timeout=PATIENCE)
    wanted = "claude-proxy: fallback | minimax (claude-opus-5-5)\n"
    assert wanted in lines(led, given())


def test_what_was_spent_before_a_restart_counts_on(cli: CommandLine) -> None:
    with serving(json_answer(200)) as url:
        cli.configure(url)
        assert cli("start").code == 0
        base = f"http://127.0.0.1:{cli.running().port}"
        environ = cli.environ({"ANTHROPIC_BASE_URL": base, "ANTHROPIC_AUTH_TOKEN": cli.token()})
        subprocess.run(one_request(SESSION), env=environ, check=True, timeout=PATIENCE)
        assert cli("restart").code == 0
        read = (json.loads(cli("status", "--json").out) for _ in range(100))  # it is read soon after the start
        assert next(spent for status in read if (spent := status["spent_today"]["unknown"])) == 1


GARBAGE = (b"", b"{", b"[1]", b"null", b"\xff\xfe", b'{"session_id": {"a": 1}}', b"[" * 100_000, b"x" * 3_000_000)


@pytest.mark.parametrize("data", [None, *GARBAGE], ids=lambda data: repr(data)[:20])
def test_prints_a_line_whatever_the_input_is(led: dict[str, str], data: bytes | None) -> None:
    assert "claude-proxy: fallback\n" in lines(led, data)


def test_does_not_wait_for_the_end_of_the_input(led: dict[str, str]) -> None:
    command = [sys.executable, "-P", "-m", "claude_proxy", "statusline"]
    with subprocess.Popen(command, env=led, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.read().startswith(b"claude-proxy: fallback")
        assert process.wait(PATIENCE) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell closes standard input")
def test_prints_a_line_without_standard_input(cli: CommandLine) -> None:
    script = f'"{sys.executable}" -P -m claude_proxy statusline <&-'
    done = subprocess.run(["sh", "-c", script], env=cli.environ(), capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"claude-proxy: direct\n", b"")


def test_prints_a_line_with_a_broken_home(cli: CommandLine) -> None:
    cli.home.state.mkdir()
    cli.home.running.write_bytes(b"[" * 50_000)
    cli.home.token.mkdir()
    environ = cli.environ({"ANTHROPIC_BASE_URL": "http://127.0.0.1:1"})
    assert next(lines(environ, given())) == "claude-proxy: direct (127.0.0.1)\n"
    cli.home.token.rmdir()


def test_an_internal_error_is_a_line_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(statusline_text, "_reading", lambda: 1 / 0)
    assert statusline_text.main() == 0
    assert capsys.readouterr().out == "claude-proxy: its state is not known\n"


def test_it_loads_nothing_that_takes_long(cli: CommandLine) -> None:
    slow = {"click", "rich", "msgspec", "asyncio", "dataclasses", "typing", "pathlib", "http.client", "ssl", "logging"}
    code = (
        "import sys; before = set(sys.modules); sys.argv = ['claude-proxy', 'statusline'];"
        "from claude_proxy.__main__ import main; main();"
        f"print(sorted((set(sys.modules) - before) & {slow!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=cli.environ(), stdin=subprocess.DEVNULL, capture_output=True, check=True
    )
    assert done.stdout.splitlines()[-1] == b"[]"
