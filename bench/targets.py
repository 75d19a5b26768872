"""What is measured: a direct connection, nginx and claude-proxy, each in front of the same provider."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench import traffic

ROOT: Final = Path(__file__).resolve().parent.parent
NGINX: Final = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
START_TIMEOUT: Final = 20.0
"""Seconds that a program has to begin to answer."""

_KEY: Final = "BENCH_KEY"
_NGINX_CONF: Final = """
daemon off;
master_process off; # one process, whose CPU time and memory are all there is
pid nginx.pid;
error_log error.log;
worker_rlimit_nofile 4096;
events {{ worker_connections 4096; }}
http {{
  access_log access.log; # claude-proxy writes a line a request as well
  client_max_body_size 10m;
  client_body_buffer_size 2m; # no request goes to disk
  client_body_temp_path .;
  proxy_temp_path .;
  keepalive_requests 1000000;
  upstream provider {{
    server 127.0.0.1:{upstream};
    keepalive 64;
    keepalive_requests 1000000;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location / {{
      proxy_pass http://provider;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
}}
"""


class StartError(Exception):
    """A program did not begin to answer."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go; `pid` is the measured process, None for the direct connection."""

    name: str
    port: int
    pid: int | None = None
    token: str = field(default="none", repr=False)

    def request(self, path: str, payload: bytes) -> bytes:
        """Return a whole HTTP request for this target."""
        return traffic.request(self.port, path, payload, self.token)


@contextmanager
def provider() -> Iterator[Target]:
    """Run the scripted provider; as a target it is the direct connection."""
    command = [sys.executable, "-m", "bench.upstream"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Target("direct", int(process.stdout.readline() if process.stdout else ""))
        finally:
            process.terminate()


@asynccontextmanager
async def nginx(upstream: int) -> AsyncIterator[Target]:
    """Run nginx in front of the provider at the port `upstream`."""
    if NGINX is None:
        raise StartError("nginx is not installed: apt-get install nginx-light")
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        conf = Path(folder) / "nginx.conf"
        conf.write_text(_NGINX_CONF.format(port=port, upstream=upstream))
        command = [NGINX, "-p", folder, "-c", str(conf), "-e", "error.log"]
        async with running(command, port, Path(folder), {}) as pid:
            yield Target("nginx", port, pid)


@asynccontextmanager
async def claude_proxy(
    providers: Mapping[str, str], timeouts: Mapping[str, float] | None = None
) -> AsyncIterator[Target]:
    """Run the proxy in front of providers (base URL by name), in a home of its own; `timeouts` are those of each.

    There is no cooldown and failback is immediate, so each request tries the first provider again, however often that
    has failed.
    """
    port = free_port()
    own = {"timeouts": timeouts} if timeouts else {}
    listed = [{"name": name, "base_url": url, "api_key_env": _KEY, **own} for name, url in providers.items()]
    config = {"proxy_port": port, "cooldown_minutes": 0, "failback": "immediate", "providers": listed}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "config.json").write_text(json.dumps(config))
        command = [sys.executable, "-m", "claude_proxy", "serve"]
        async with running(command, port, home, {"CLAUDE_PROXY_HOME": folder, _KEY: "bench"}) as pid:
            yield Target("claude-proxy", port, pid, (home / "state" / "token").read_text().strip())


@asynccontextmanager
async def running(
    command: Sequence[str], port: int, folder: Path, variables: Mapping[str, str], patience: float = START_TIMEOUT
) -> AsyncIterator[int]:
    """Run a program while the block runs, which begins when the program answers. Raises `StartError`."""
    output = folder / "output.txt"
    with _process(command, output, variables) as process:
        try:
            async with asyncio.timeout(patience):
                await _wait_for_answer(port, process)
        except TimeoutError:
            raise StartError(f"{' '.join(command)} did not start:\n{_text(output)}") from None
        yield process.pid


@contextmanager
def _process(command: Sequence[str], output: Path, variables: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    environ = {**os.environ, **variables}
    with (
        output.open("wb") as log,
        subprocess.Popen(command, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()


def _text(path: Path) -> str:
    return path.read_text(errors="replace")


async def _wait_for_answer(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until a program answers `/health`, with any status. Raises `TimeoutError` if the program has ended."""
    while not await _is_answering(port):
        if process.poll() is not None:
            raise TimeoutError
        await asyncio.sleep(0.001)


async def _is_answering(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.write(b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
    line = await reader.readline()
    writer.close()
    return line.startswith(b"HTTP/1.1 ")


def free_port() -> int:
    """Return a port that is free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
