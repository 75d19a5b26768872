"""The command `claude-proxy` as a user's shell runs it, with a home of its own."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from unittest import mock

from claude_proxy.cli.main import main
from claude_proxy.cli.output.program import STARTED_AS
from claude_proxy.store.home import Home
from claude_proxy.store.running import Running
from fakes.scripts import MESSAGE_TEXT

SOURCE = str(Path(__file__).parents[2] / "src")
PATIENCE = 30.0
KEYS = {"MINIMAX_API_KEY": "sk-minimax-4f9d1c7a2b", "MOONSHOT_API_KEY": "sk-moonshot-8e3b6d5f0a"}


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str


WARNINGS = "default,ignore:unclosed file <_io.FileIO name='/proc/:ResourceWarning"
"""All but one: a Ctrl-C can come after a file is opened and before the code that closes it."""


QUIET_COMMANDS = {"check", "doctor", "explain", "logs", "providers", "rules", "status", "stop", "usage", "version"}
"""Commands that start no other program, and leave the process that runs them as it was."""
_ONE_INSIDE = threading.Lock()
"""Held by the one command that has this process's environment and streams; others get a process of their own."""


@dataclass(slots=True)
class CommandLine:
    """Runs commands, and searches what they print for secrets and tracebacks."""

    home: Home
    extra: dict[str, str] = field(default_factory=dict)
    in_process: bool = False
    """Whether commands that start no other program run in the tests' own process, which starts nothing either."""

    def configure(self, *base_urls: str, port: int | None = None, **settings: Any) -> int:
        """Write config.json and .env for providers named minimax and moonshot; return the proxy's port."""
        port = free_port() if port is None else port
        names = [key.removesuffix("_API_KEY").lower() for key in KEYS]
        providers = [
            {"name": name, "base_url": url, "api_key_env": key, "models": {}}
            for name, url, key in zip(names, base_urls, KEYS, strict=False)
        ]
        document = {"proxy_port": port, "providers": providers, **settings}
        self.home.config.write_text(json.dumps(document), encoding="utf-8")
        self.home.env.write_text("".join(f"{name}={key}\n" for name, key in KEYS.items()), encoding="utf-8")
        self.home.env.chmod(0o600)
        return port

    def configure_plan(self, plan: str, moonshot: str) -> None:
        """Configure a provider named plan that takes the client's login, and one named moonshot that takes a key."""
        self.configure(plan)
        document = json.loads(self.home.config.read_text(encoding="utf-8"))
        document["providers"] = [
            {"name": "plan", "preset": "anthropic", "base_url": plan, "auth": "client"},
            {"name": "moonshot", "base_url": moonshot, "api_key_env": "MOONSHOT_API_KEY", "models": {}},
        ]
        self.home.config.write_text(json.dumps(document), encoding="utf-8")

    def environ(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ANTHROPIC", "CLAUDE"))}
        fixed = {"CLAUDE_PROXY_HOME": str(self.home.root), "PYTHONPATH": SOURCE, "PYTHONWARNINGS": WARNINGS}
        fixed[STARTED_AS] = "claude-proxy"  # the name that hints give the program
        return {**inherited, **fixed, **self.extra, **(more or {})}

    def __call__(self, *arguments: str, environ: Mapping[str, str] | None = None, stdin: str = "") -> Done:
        """Run a command to its end; its standard input is no terminal."""
        inside = self.in_process and arguments[0] in QUIET_COMMANDS and _ONE_INSIDE.acquire(blocking=False)
        run = _run_inside if inside else _run_outside
        try:
            ended = run(arguments, self.environ(environ), stdin.encode())
        finally:
            if inside:
                _ONE_INSIDE.release()
        self.inspect(ended.out + ended.err)
        return ended

    @contextmanager
    def spawned(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
        """Run a command beside the test; it is killed at the end if it still runs."""
        process = subprocess.Popen(
            [sys.executable, "-m", "claude_proxy", *arguments],
            env=self.environ({"PYTHONUNBUFFERED": "1", **(environ or {})}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        with process:
            killer = threading.Timer(PATIENCE, process.kill)
            killer.start()
            try:
                yield process
            finally:
                killer.cancel()
                process.kill()

    def end(self, process: subprocess.Popen[str], number: signal.Signals = signal.SIGINT) -> Done:
        """Send a spawned command a signal, and wait for its end."""
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
        self.inspect(out + err)
        return Done(process.returncode, out, err)

    def running(self) -> Running:
        running = Running.read(self.home.running)
        assert running is not None
        return running

    def token(self) -> str:
        return self.home.token.read_text(encoding="ascii").strip()

    def loaded_by_serve(self) -> set[str]:
        """Return the names of the modules that a proxy has loaded before its first request."""
        listed = "import sys, claude_proxy.app, claude_proxy.cli.serve\nprint(*sys.modules)"
        run = [sys.executable, "-c", listed]
        done = subprocess.run(run, env=self.environ(), capture_output=True, text=True, check=True)
        return set(done.stdout.split())

    def inspect(self, text: str) -> None:
        """Fail if a text holds a secret or a traceback."""
        assert "Traceback" not in text
        assert "ResourceWarning" not in text
        secrets = [*KEYS.values(), MESSAGE_TEXT, *([self.token()] if self.home.token.exists() else [])]
        assert not [secret for secret in secrets if secret in text]

    def clean_up(self) -> None:
        """End the home's proxy, and look for secrets in all that it has written."""
        self.in_process = True
        if self.home.running.exists():
            self("stop", "--force")
        for path in self.home.root.rglob("*"):
            if path.is_file() and path not in {self.home.env, self.home.token}:
                self.inspect(path.read_text(encoding="utf-8", errors="replace"))


def _run_outside(arguments: Sequence[str], environ: Mapping[str, str], stdin: bytes) -> Done:
    done = subprocess.run(
        [sys.executable, "-m", "claude_proxy", *arguments],
        env=environ,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
        input=stdin,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def _run_inside(arguments: Sequence[str], environ: Mapping[str, str], stdin: bytes) -> Done:
    """Run a command as `_run_outside` does, but in this process: with its environment and streams for a moment."""
    given, out, err = (io.TextIOWrapper(io.BytesIO(data), encoding="utf-8") for data in (stdin, b"", b""))
    with (
        mock.patch.dict(os.environ, environ, clear=True),
        mock.patch.object(sys, "stdin", given),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = main(arguments)
    for stream in (out, err):
        stream.flush()
    return Done(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))


@contextmanager
def command_line(root: Path, *, in_process: bool = False) -> Iterator[CommandLine]:
    """Give the command with an empty home, and clean up after it."""
    root.mkdir()
    command = CommandLine(Home(root), in_process=in_process)
    yield command
    command.clean_up()


def _ports() -> Iterator[int]:
    """Yield ports that no other worker of the tests yields, and that no system gives out by itself."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 20
    first = 10_000 + 1_000 * worker
    chance = random.randrange(1_000)  # noqa: S311 - not for secrets; two runs at once begin at different ports
    yield from itertools.cycle([*range(first + chance, first + 1_000), *range(first, first + chance)])


_PORTS = _ports()


def free_port() -> int:
    """Return a port that was free just now, and that nothing else takes before the test does."""
    while True:
        port = next(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def listening(backlog: int = 5) -> Iterator[socket.socket]:
    """Take a port, and never answer on it."""
    with socket.create_server(("127.0.0.1", 0), backlog=backlog) as taken:
        yield taken


def one_request(session: str = "") -> list[str]:
    """Return a command that sends one request to `ANTHROPIC_BASE_URL`, in this session if one is given."""
    code = (
        "import http.client, json, os, urllib.parse\n"
        "url = urllib.parse.urlsplit(os.environ['ANTHROPIC_BASE_URL'])\n"
        "connection = http.client.HTTPConnection(url.hostname, url.port)\n"
        "headers = {'x-api-key': os.environ['ANTHROPIC_AUTH_TOKEN'], 'content-type': 'application/json'}\n"
        f"headers['x-claude-code-session-id'] = {session!r}\n"
        "body = json.dumps({'model': 'claude-opus-5-5', 'messages': []})\n"
        "connection.request('POST', '/v1/messages', body, headers)\n"
        "connection.getresponse().read(); connection.close()"
    )
    return [sys.executable, "-c", code]


def line_with(stream: IO[str] | None, words: str) -> str:
    """Read lines until one contains `words`, and return it. Fails if the stream ends before."""
    assert stream is not None
    seen = ""
    for line in stream:
        if words in line:
            return line
        seen += line
    raise AssertionError(f"no {words!r} in {seen!r}")
