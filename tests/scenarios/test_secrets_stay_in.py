"""Secrets and content go through every path of a real proxy; none of them is in what it keeps and tells afterwards.

A new thing that the proxy keeps or tells is a line in `SURFACES`. `test_secrets.py` looks at each path by itself.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from app.event_command import EventCommand
from core.continuation.answers import ToolCall, stream_of
from fakes.command_line import PATIENCE, CommandLine, command_line, free_port, line_with
from fakes.scripts import json_answer, json_message, message, opening, stream_error, thinking_then_text
from fakes.server_connection import Request
from fakes.steps import Body, Close, Cut, Raw, Script, Stall, Status, Stream, error_body
from fakes.threaded import serving
from store.usage_db.accounts import rows

KEYS: Final = {"MINIMAX_API_KEY": "sk-cp-minimax/4f9d+1c7a=2b", "ZAI_API_KEY": "zai-8e3b6d5f.0a77Q"}
LOGIN: Final = "sk-ant-oat01-login-of-the-user-3390"
COOKIE: Final = "1207-value-of-a-cookie"
CONTENT: Final = {
    "prompt": "5511-prompt-content",
    "system": "1749-system-content",
    "tool result": "6038-tool-result-content",
    "tool": "T2290_name_of_a_tool",
    "session name": "4417-session-name",
    "folder": "9902-folder-name",
    "answer": "8842-answer-content",
    "thinking": "3151-thinking-content",
    "call": "7763-call-content",
}
ERROR_WORDS: Final = "6640-words-of-the-provider"
NEVER: Final = {**KEYS, "login": LOGIN, "cookie": COOKIE, **CONTENT}
MAX_BODY_MB: Final = 0.1
SESSION: Final = "5f0c1d2e-0000-4000-8000-000000000001"
PROVIDERS: Final = ("minimax", "zai", "plan")
CALL: Final = ToolCall(CONTENT["tool"], [json.dumps({"command": CONTENT["call"]})])
LIMITS: Final = ("retry-after", "anthropic-ratelimit-unified-status", "anthropic-ratelimit-unified-5h-utilization")
SAFEGUARDS: Final = [{"type": "dangerous_tool_use", "classifier_context": {"live_cwd": CONTENT["folder"]}}]


def quoting(request: Request) -> str:
    """Return an error's words that quote the key, and words of the provider's own."""
    return f"{ERROR_WORDS}: invalid {request.header('authorization')}, {request.header('x-api-key')}"


def error(status: int, **headers: str) -> Callable[[Request], Script]:
    return lambda request: [Status(status, error_body("api_error", quoting(request)), headers)]


def refuses_a_field(request: Request) -> Script:
    if "top_k" not in request.json():
        return message(CONTENT["answer"])
    words = f"top_k: Extra inputs are not permitted, {quoting(request)}"
    return [Status(400, error_body("invalid_request_error", words))]


def with_words(request: Request) -> bytes:
    return quoting(request).encode()


PATHS: dict[str, Callable[[Request], Script]] = {
    "a stream": lambda _: thinking_then_text(CONTENT["thinking"], CONTENT["answer"]),
    "a message": lambda _: json_message(CONTENT["answer"]),
    "a tool call": lambda _: [Stream(), Body(b"".join(stream_of([CALL], "tool_use")))],
    "a field refused": refuses_a_field,
    "400": error(400),
    "401": error(401),
    "402": error(402),
    "403": error(403),
    "429": error(429, **{"retry-after": "1"}),
    "500": error(500),
    "529": error(529),
    "413": error(413),
    "too long": lambda request: [
        Status(400, error_body("invalid_request_error", f"prompt is too long: 9 tokens > 5 maximum {quoting(request)}"))
    ],
    "an error event": lambda request: [Stream(), stream_error("overloaded_error", quoting(request))],
    "an error behind 200": lambda request: [Status(200, error_body(quoting(request), quoting(request)))],
    "a limit behind 200": lambda request: json_answer(
        200, {"base_resp": {"status_code": 2056, "status_msg": quoting(request)}}
    ),
    "HTML behind 200": lambda request: [Status(200, with_words(request), {"content-type": "text/html"})],
    "a stream that dies": lambda _: [*opening(CONTENT["answer"]), Cut()],
    "an error within a stream": lambda request: [
        *opening(CONTENT["answer"]),
        stream_error("api_error", quoting(request)),
    ],
    "an answer that goes on": lambda request: (
        message(CONTENT["answer"]) if len(request.json()["messages"]) > 3 else [*opening(CONTENT["answer"]), Cut()]
    ),
    "limits in a head": lambda request: [
        Stream(dict.fromkeys(LIMITS, quoting(request))),
        *message(CONTENT["answer"])[1:],
    ],
    "a reset": lambda _: [Cut()],
    "not HTTP": lambda request: [Raw(with_words(request) + b"\r\n\r\n"), Close()],
    "a redirect": lambda request: [Status(302, b"", {"location": f"http://127.0.0.1:1/?key={quoting(request)}"})],
    "silence": lambda _: [Stall()],
    "silence in an answer": lambda request: (
        [*opening(CONTENT["answer"]), Stall()] if request.json()["stream"] else json_message(CONTENT["answer"])
    ),
}


@dataclass(slots=True)
class LeakyProvider:
    """Plays the path that a test names, and tells its key wherever it can. It takes traces, too."""

    path: str = ""
    asked: threading.Event = field(default_factory=threading.Event)
    asked_for_quota: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    authorizations: set[str | None] = field(default_factory=set)
    traces: list[bytes] = field(default_factory=list)

    def __call__(self, request: Request) -> Script:
        if request.method == "GET":
            self.asked_for_quota.release()
            return json_answer(
                200, {"code": 1001, "msg": quoting(request), "base_resp": {"status_msg": quoting(request)}}
            )
        if request.path == "/v1/traces":
            self.traces.append(request.head + request.body)
            return [Status(200, b"", {"content-type": "application/x-protobuf"})]
        self.asked.set()
        self.authorizations.add(request.header("authorization"))
        return error(400)(request) if request.path.endswith("count_tokens") else PATHS[self.path](request)


@dataclass(slots=True)
class Fed:
    """A proxy that has seen all paths, and still runs."""

    cli: CommandLine
    provider: LeakyProvider
    said: str
    """What `serve` has printed."""
    cookie: str = ""
    """What a browser has that was led to the page."""

    @property
    def secrets(self) -> Mapping[str, str]:
        return {**NEVER, "token": self.cli.token(), "cookie of the page": self.cookie.partition("=")[2]}

    def file(self, path: str) -> str:
        """Return what a file of the home holds; "" if it is not there."""
        found = self.cli.home.root / path
        return found.read_bytes().decode("utf-8", "replace") if found.exists() else ""

    def ask(self, target: str) -> str:
        with closing(connection_to(self.cli)) as connection:
            connection.request("GET", target, headers={"x-claude-proxy-token": self.cli.token()})
            answer = connection.getresponse()
            assert answer.status == 200, target
            return f"{answer.headers}\n{answer.read().decode()}"

    def browse(self, target: str) -> str:
        """Return what a browser is shown; of a stream, its first event."""
        if not self.cookie:
            self.cookie = page_cookie(self.cli)
        with closing(connection_to(self.cli)) as connection:
            connection.request("GET", target, headers={"cookie": self.cookie})
            answer = connection.getresponse()
            assert answer.status == 200, target
            is_stream = "event-stream" in answer.headers["content-type"]
            body = b"".join(iter(answer.readline, b"\n")) if is_stream else answer.read()
            return f"{answer.headers}\n{body.decode()}"

    def run(self, *arguments: str) -> str:
        """Return what a command prints; its standard input is what Claude Code gives the status line."""
        of_terminal = {
            "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{self.cli.running().port}",
            "ANTHROPIC_AUTH_TOKEN": self.cli.token(),
        }
        given = {"session_id": SESSION, "session_name": CONTENT["session name"], "cwd": CONTENT["folder"]}
        done = self.cli(*arguments, environ=of_terminal, stdin=json.dumps(given))
        assert done.out, (arguments, done)
        return done.out + done.err


SURFACES: dict[str, Callable[[Fed], str]] = {
    "the page": lambda fed: fed.browse("/"),
    "the page, live": lambda fed: fed.browse("/page/live"),
    "/metrics": lambda fed: fed.ask("/metrics"),
    "traces": lambda fed: str(fed.provider.traces),
    "events": lambda fed: str(EventCommand(fed.cli.home.root).calls()),
    "usage.db": lambda fed: fed.file("state/usage.db"),
    "usage.db-wal": lambda fed: fed.file("state/usage.db-wal"),
    "proxy.log": lambda fed: fed.file("proxy.log"),
    "the terminal of serve": lambda fed: fed.said,
    "/admin/statusline": lambda fed: fed.ask(f"/admin/statusline?session={SESSION}"),
    "/v1/models": lambda fed: fed.ask("/v1/models"),
    "/": lambda fed: fed.ask("/"),
    "/admin/explain": lambda fed: fed.ask("/admin/explain?model=claude-opus-5-5"),
    "explain": lambda fed: fed.run("explain"),
    "doctor": lambda fed: fed.run("doctor"),
    "usage": lambda fed: fed.run("usage"),
    "usage --json": lambda fed: fed.run("usage", "--json"),
    "usage --csv": lambda fed: fed.run("usage", "--by", "model", "--csv"),
    "usage by session": lambda fed: fed.run("usage", "--by", "session", "--json"),
    "usage --cache": lambda fed: fed.run("usage", "--cache", "--json"),
    "logs": lambda fed: fed.run("logs"),
    "logs --raw": lambda fed: fed.run("logs", "--raw", "-n", "1000"),
    "top": lambda fed: fed.run("top", "--once"),
    "statusline": lambda fed: fed.run("statusline"),
}
SURFACES_WITH_ERRORS: dict[str, Callable[[Fed], str]] = {
    "memory.json": lambda fed: fed.file("state/memory.json"),
    "/admin/live": lambda fed: fed.ask("/admin/live"),
    "/admin/status": lambda fed: fed.ask("/admin/status"),
    "/admin/rules": lambda fed: fed.ask("/admin/rules"),
    "status": lambda fed: fed.run("status"),
    "status --json": lambda fed: fed.run("status", "--json"),
    "rules": lambda fed: fed.run("rules"),
}
"""These show their user a provider's own words about an error."""


@contextmanager
def fed(cli: CommandLine, provider: LeakyProvider, url: str) -> Iterator[Fed]:
    """Run the proxy, and send all paths through it: to each provider, and to whichever the proxy chooses."""
    configure(cli, url)
    with cli.spawned("serve") as process:
        said = line_with(process.stdout, "listens at")
        provider.path = "a stream"
        send(cli, provider, "/v1/messages", prompt())
        assert all(provider.asked_for_quota.acquire(timeout=PATIENCE) for _ in KEYS)
        for provider.path in PATHS:
            for pin in ("", *(f"/provider/{name}" for name in PROVIDERS)):
                for stream in (True, False):
                    send(cli, provider, f"{pin}/v1/messages", prompt(stream=stream))
        provider.path = "a stream"
        send(cli, provider, "/v1/messages/count_tokens", prompt())
        send(cli, provider, "/v1/messages", prompt()[:-1])
        send(cli, provider, "/v1/messages", prompt(padding="x" * 200_000))
        send(cli, provider, "/v1/messages", prompt(), {"x-claude-proxy-token": KEYS["ZAI_API_KEY"]})
        yield Fed(cli, provider, said)
        done = cli.end(process)
        assert not leaks({"the terminal of serve": said + done.out + done.err, "traces": str(provider.traces)})


def configure(cli: CommandLine, url: str) -> None:
    entries = [
        {"name": "minimax", "preset": "minimax", "base_url": f"{url}/anthropic", "api_key_env": "MINIMAX_API_KEY"},
        {"name": "zai", "preset": "zai", "base_url": f"{url}/api/anthropic", "api_key_env": "ZAI_API_KEY"},
        {"name": "plan", "preset": "anthropic", "base_url": url, "auth": "client"},
    ]
    document = {
        "proxy_port": free_port(),
        "log_level": "debug",
        "providers": entries,
        "cooldown_minutes": 0,
        "max_body_mb": MAX_BODY_MB,
        "auto_mode": "minimax/MiniMax-M3",
        "on_event": EventCommand(cli.home.root).arguments,
        "otel": True,
    }
    cli.home.config.write_text(json.dumps(document), encoding="utf-8")
    variables = {**KEYS, "OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_BSP_SCHEDULE_DELAY": "20"}
    cli.home.env.write_text("".join(f"{name}={text}\n" for name, text in variables.items()), encoding="utf-8")
    cli.home.env.chmod(0o600)


def prompt(*, stream: bool = True, **more: Any) -> bytes:
    """Return the body of a request with content of each kind in it."""
    call = {"type": "tool_use", "id": "toolu_1", "name": CONTENT["tool"], "input": {"command": CONTENT["call"]}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": CONTENT["tool result"]}
    body = {
        "model": "claude-opus-5-5",
        "max_tokens": 100,
        "stream": stream,
        "top_k": 3,
        "system": CONTENT["system"],
        "tools": [{"name": CONTENT["tool"], "input_schema": {"type": "object"}}],
        "safeguards": SAFEGUARDS,
        "messages": [
            {"role": "user", "content": CONTENT["prompt"]},
            {"role": "assistant", "content": [call]},
            {"role": "user", "content": [result]},
        ],
    }
    return json.dumps({**body, **more}).encode()


def send(
    cli: CommandLine, provider: LeakyProvider, target: str, body: bytes, headers: Mapping[str, str] | None = None
) -> None:
    """Send a request as Claude Code does that has a login of its own. Leave if the provider falls silent."""
    fields = {
        "x-claude-proxy-token": cli.token(),
        "authorization": f"Bearer {LOGIN}",
        "cookie": COOKIE,
        "content-type": "application/json",
        "x-claude-code-session-id": SESSION,
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "baggage": f"user={LOGIN}",
        "x-claude-code-request-class": "main",
        "x-claude-code-prompt-id": "293c55ec-0000-4000-8000-000000000002",
    }
    with closing(connection_to(cli)) as connection:
        provider.asked.clear()
        connection.request("POST", target, body, {**fields, **(headers or {})})
        if provider.path == "silence":
            assert provider.asked.wait(PATIENCE)
        elif provider.path == "silence in an answer":
            connection.getresponse()
        else:
            with contextlib.suppress(http.client.IncompleteRead):
                connection.getresponse().read()


def connection_to(cli: CommandLine) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", cli.running().port, timeout=PATIENCE)


def page_cookie(cli: CommandLine) -> str:
    """Open the link of `dashboard`, and return the cookie that comes with it."""
    link = cli("dashboard", "--no-open").out.split()[-1]
    with closing(connection_to(cli)) as connection:
        connection.request("GET", link)
        cookie = connection.getresponse().getheader("set-cookie")
    assert cookie
    return cookie.partition(";")[0]


def leaks(told: Mapping[str, str], secrets: Mapping[str, str] = NEVER) -> list[tuple[str, str]]:
    """Return which secrets are in which of the texts, as they are, in a URL, or cut off."""
    return [
        (place, name)
        for place, text in told.items()
        for name, secret in secrets.items()
        for form in {secret, secret[:12], quote(secret, safe="")}
        if form in text
    ]


def test_nothing_that_the_proxy_keeps_or_tells_holds_a_secret_or_content(tmp_path: Path) -> None:
    provider = LeakyProvider()
    with command_line(tmp_path / "home") as cli, serving(provider) as url:
        with fed(cli, provider, url) as through:
            told = {name: surface(through) for name, surface in SURFACES.items()}
            with_errors = {name: surface(through) for name, surface in SURFACES_WITH_ERRORS.items()}
        secrets = through.secrets
        assert not leaks({**told, **with_errors}, secrets)
        assert not leaks(told, {"the provider's words": ERROR_WORDS})
        kept = {str(path): path.read_bytes().decode("utf-8", "replace") for path in cli.home.root.rglob("*.*")}
        assert not leaks({path: text for path, text in kept.items() if path != str(cli.home.env)}, secrets)
        found = Counter(row["provider"] for row in rows(cli.home.usage, "SELECT provider FROM attempts"))
        assert "failover" in EventCommand(cli.home.root).kinds()
        endings = {row["ending"] for row in rows(cli.home.usage)}
    assert set(found) == set(PROVIDERS)
    assert min(found.values()) > len(PATHS)
    assert b"gen_ai." in b"".join(provider.traces)
    assert provider.authorizations == {f"Bearer {secret}" for secret in (LOGIN, *KEYS.values())}
    assert endings == {"complete", "recovered", "truncated", "error", "client_left"}
    assert ERROR_WORDS in with_errors["/admin/status"]
