"""What stands between client and providers: nothing, claude-proxy, a peer, or what a URL names."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from bench import targets
from bench.faults.upstreams import Upstreams
from bench.faults.wire_client import MODEL

from claude_proxy import __version__

SILENCE: Final = 3
"""Seconds of silence that each gateway is told to bear, where it has a setting for that."""

PEERS: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "claude-proxy-ci" / "fault-peers"
LITELLM: Final = "1.108.7"
CCR: Final = "2.0.0"
START_TIMEOUT: Final = 300.0
"""Seconds that a peer may take to start: long, for a machine that is busy."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """Where the client of a case asks."""

    port: int
    token: str = field(default="none", repr=False)
    prefix: str = ""


Start = Callable[[Upstreams], AbstractAsyncContextManager[Gateway]]


@dataclass(frozen=True, slots=True)
class Target:
    """A gateway that can be started in front of the two providers."""

    name: str
    version: str
    start: Start
    missing: str = ""
    """Why it can't be started here."""


@asynccontextmanager
async def direct(upstreams: Upstreams) -> AsyncIterator[Gateway]:
    """Ask provider A itself."""
    yield Gateway(upstreams.a.port)


@asynccontextmanager
async def claude_proxy(upstreams: Upstreams) -> AsyncIterator[Gateway]:
    """Run this proxy as its users start it, in a home of its own."""
    times: dict[str, float] = {"connect": SILENCE, "first_event": SILENCE, "first_content": SILENCE, "stall": SILENCE}
    async with targets.claude_proxy({"first": upstreams.a.url, "second": upstreams.b.url}, times) as target:
        yield Gateway(target.port, target.token)


@asynccontextmanager
async def litellm(upstreams: Upstreams) -> AsyncIterator[Gateway]:
    """Run LiteLLM with A for the model and B as its fallback, without cooldowns."""
    port = targets.free_port()
    models = [
        {
            "model_name": name,
            "litellm_params": {
                "model": f"anthropic/{MODEL}",
                "api_base": url,
                "api_key": "fault",
                "timeout": SILENCE,
                "stream_timeout": SILENCE,
            },
        }
        for name, url in ((MODEL, upstreams.a.url), ("second", upstreams.b.url))
    ]
    config = {
        "model_list": models,
        "router_settings": {"fallbacks": [{MODEL: ["second"]}], "num_retries": 0, "disable_cooldowns": True},
        "litellm_settings": {"request_timeout": SILENCE, "telemetry": False},
        "general_settings": {"master_key": "sk-fault"},
    }
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "config.yaml").write_text(json.dumps(config))  # JSON is YAML
        python = str(PEERS / "litellm" / "bin" / "python")
        run = "from litellm import run_server; run_server()"
        command = [python, "-c", run, "--config", str(home / "config.yaml"), "--port", str(port), "--host", "127.0.0.1"]
        offline = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "HOME": folder}
        async with targets.running(command, port, home, offline, START_TIMEOUT):
            yield Gateway(port, "sk-fault")


@asynccontextmanager
async def claude_code_router(upstreams: Upstreams) -> AsyncIterator[Gateway]:
    """Run claude-code-router with A as its default and B as the fallback of that."""
    port = targets.free_port()
    providers = [
        {
            "name": name,
            "api_base_url": f"{url}/v1/messages",
            "api_key": "fault",
            "models": [MODEL],
            "transformer": {"use": ["Anthropic"]},
        }
        for name, url in (("first", upstreams.a.url), ("second", upstreams.b.url))
    ]
    config = {
        "PORT": port,
        "HOST": "127.0.0.1",
        "APIKEY": "fault",
        "LOG": False,
        "API_TIMEOUT_MS": SILENCE * 1000,
        "NON_INTERACTIVE_MODE": True,
        "Providers": providers,
        "Router": {"default": f"first,{MODEL}"},
        "fallback": {"default": [f"second,{MODEL}"]},
    }
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / ".claude-code-router"
        home.mkdir()
        (home / "config.json").write_text(json.dumps(config))
        program = str(PEERS / "ccr" / "node_modules" / ".bin" / "ccr")
        async with targets.running([program, "start"], port, home, {"HOME": folder}, START_TIMEOUT):
            yield Gateway(port, "fault")


def external(url: str, token: str) -> Target:
    """Return a gateway that runs already, in front of the providers at the ports that `--ports` fixes."""
    parts = urlsplit(url)

    @asynccontextmanager
    async def start(_upstreams: Upstreams) -> AsyncIterator[Gateway]:
        yield Gateway(parts.port or 80, token, parts.path.rstrip("/"))

    return Target(url, "", start)


def built_in() -> list[Target]:
    """Return the targets that the laboratory knows how to start."""
    return [
        Target("no proxy", "", direct),
        Target("claude-proxy", __version__, claude_proxy),
        Target("LiteLLM", LITELLM, litellm, _missing(PEERS / "litellm" / "bin" / "python")),
        Target(
            "claude-code-router", CCR, claude_code_router, _missing(PEERS / "ccr" / "node_modules" / ".bin" / "ccr")
        ),
    ]


def install() -> None:
    """Install the peers, each in an environment of its own, outside of the project."""
    python, npm = shutil.which("python3.12") or shutil.which("python3"), shutil.which("npm")
    if python:
        subprocess.run([python, "-m", "venv", "--clear", str(PEERS / "litellm")], check=True)
        pip = [str(PEERS / "litellm" / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, f"litellm[proxy]=={LITELLM}"], check=True)
    if npm:
        (PEERS / "ccr").mkdir(parents=True, exist_ok=True)
        options = ["--no-fund", "--no-audit", "--prefix", str(PEERS / "ccr")]
        subprocess.run([npm, "install", *options, f"@musistudio/claude-code-router@{CCR}"], check=True)


def _missing(program: Path) -> str:
    return "" if program.exists() else "not installed: make faults ARGS=--install"
