"""The proxy under test: the real commands in a home of its own, its configuration changed while it runs."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from bench import targets
from bench.soak import plan
from bench.soak.clients import Address
from bench.soak.report import Logged

COMMAND_TIMEOUT: Final = 180.0
"""Seconds for a command; a restart waits for the requests in flight."""

RELOAD_SECONDS: Final = 1.0
INJECTED: Final = Path(__file__).with_name("inject")
_KEY: Final = "SOAK_KEY"
_WITH_EGRESS_PROXY: Final = 1
"""A turn whose configuration names an egress proxy. Loopback addresses are reached directly all the same."""

_DEFECTS: Final = ("internal error", "asyncio reports", "Traceback", "defect")
TIMEOUTS: Final = {"connect": 10, "first_event": 7, "first_content": 10, "stall": 7}
"""Seconds: long enough that no provider is late because all processes share two cores."""


class CommandFailedError(Exception):
    """A command of the proxy failed; the text is what it printed."""


class Installation:
    """A home in `root`, in front of providers at these ports, with one more that refuses each connection."""

    def __init__(self, root: Path, ports: Sequence[int]) -> None:
        self.root = root
        self.counts = root / "counts.json"
        self.port = targets.free_port()
        self.reloads = 0
        self._ports = ports
        self._refusing = targets.free_port()
        self._write(self._config(0))

    @property
    def address(self) -> Address:
        """Where the proxy is."""
        return Address(self.port, (self.root / "state" / "token").read_text().strip())

    @property
    def pid(self) -> int:
        """The id of the proxy's process."""
        pid: int = json.loads((self.root / "state" / "proxy.json").read_text())["pid"]
        return pid

    def logged(self) -> Logged:
        """Return what the log says, and what the process printed."""
        paths = (*self.root.glob("proxy.log*"), self.root / "state" / "serve.err")
        lines = [line for path in paths for line in path.read_text(errors="replace").splitlines()]
        return Logged(
            reloaded=sum("configuration reloaded" in line for line in lines),
            refused=sum("cannot be used, the old one stays in use" in line for line in lines),
            defects=[line for line in lines if any(words in line for words in _DEFECTS)],
        )

    async def command(self, *arguments: str) -> str:
        """Run a command as a user does, and return what it prints. Raises `CommandFailedError`."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "claude_proxy", *arguments),
            cwd=targets.ROOT,
            env=self._environment(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(COMMAND_TIMEOUT):
                output = (await process.communicate())[0].decode(errors="replace")
        except TimeoutError:
            process.kill()
            raise CommandFailedError(f"{arguments[0]} took more than {COMMAND_TIMEOUT:g} s") from None
        if process.returncode:
            raise CommandFailedError(f"{arguments[0]} ended with {process.returncode}: {output}")
        return output

    @asynccontextmanager
    async def reloading(self) -> AsyncIterator[None]:
        """Change the configuration each second while the block runs, which begins when the first change is in use.

        Behind it, another egress proxy closes the connections that are kept for later: else they stay for minutes.
        """
        self.reloads += 1
        self._write(self._config(self.reloads))
        await asyncio.sleep(2 * RELOAD_SECONDS)
        task = asyncio.get_running_loop().create_task(self._reload())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait((task,))
            for turn in (_WITH_EGRESS_PROXY, 0):
                self._write(self._config(turn))
                await asyncio.sleep(2 * RELOAD_SECONDS)

    async def _reload(self) -> None:
        while True:
            await asyncio.sleep(RELOAD_SECONDS)
            self.reloads += 1
            self._write(self._config(self.reloads) if self.reloads % 5 else "{ no JSON")

    def _write(self, config: Mapping[str, Any] | str) -> None:
        text = config if isinstance(config, str) else json.dumps(config)
        new = self.root / "config.new"
        new.write_text(text)
        new.rename(self.root / "config.json")

    def _config(self, turn: int) -> Mapping[str, Any]:
        """Return a configuration: with each turn another order, header, egress proxy and set of providers."""
        listed = [self._provider(name, port, turn) for name, port in zip(plan.PROVIDERS, self._ports, strict=True)]
        order = [*listed[turn % 3 :], *listed[: turn % 3]]
        if turn % 2 == 0:
            order.insert(turn % 4, self._provider("refusing", self._refusing, turn))
        return {
            "proxy_port": self.port,
            "providers": order,
            "cooldown_minutes": 0 if turn else 0.001,
            "failback": ("cache-aware", "immediate", "never")[turn % 3],
            "ping_after_seconds": 0.2,
            "timeouts": TIMEOUTS,
            "proxy_url": f"http://127.0.0.1:{1000 + turn}" if turn % 3 == 1 else "",
        }

    def _provider(self, name: str, port: int, turn: int) -> Mapping[str, Any]:
        url = f"http://127.0.0.1:{port}"
        return {"name": name, "base_url": url, "api_key_env": _KEY, "headers": {"x-turn": str(turn)}}

    def _environment(self) -> Mapping[str, str]:
        path = os.pathsep.join((str(INJECTED), str(targets.ROOT / "src")))
        own = {"CLAUDE_PROXY_HOME": str(self.root), _KEY: "soak", "PYTHONPATH": path, "SOAK_COUNTS": str(self.counts)}
        return {**os.environ, **own}
