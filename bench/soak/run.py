"""Hold the proxy under load that goes wrong in every way, and compare what it holds before and after: SOAK.md.

Takes about ten minutes on two cores, on Linux; a slower machine takes longer, and nothing fails for that. Ends with 1
if an answer was cut or corrupt, or if the proxy holds more than before: `--streams`, `--slow` and `--hold` make it
shorter.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import uvloop
from bench import machine, targets
from bench.soak import gauge, report
from bench.soak.clients import Load
from bench.soak.gauge import Held, SilentError
from bench.soak.installation import CommandFailedError, Installation
from bench.soak.outcome import Endings
from bench.soak.report import MIN_HOLD, UNREAD_SECONDS, Measured, Sizes
from bench.soak.slow_clients import SlowClients

PAGE: Final = targets.ROOT / "bench" / "SOAK.md"
SETTLE_SECONDS: Final = 75.0
"""At most, for connections that are kept for later to be closed: the proxy does so within a minute."""

IDLE_SECONDS: Final = 30.0
"""At most, after a round, for requests to end: a provider may take so long to fail."""

_SAMPLE_SECONDS: Final = 0.5
ROUNDS: Final = 3
"""Of the same shape: in the first two, tables of a fixed size fill, and memory that was once used stays with the
process. The last one must add nothing."""

_SAME_SECONDS: Final = 3
_RESTARTS: Final = 4
_RESTART_PAUSE: Final = 3.0
_RESTART_TRIES: Final = 5
"""A command gives the proxy 3 seconds to answer it, in which a full machine may not get to it: then it is repeated."""

_SLOW_FIRST: Final = 10_000_000
"""The first number of the slow clients' requests, far above all others."""


@dataclass(slots=True)
class Providers:
    """The process of the providers."""

    ports: list[int]
    told: dict[str, Any]


@contextmanager
def _providers(seed: int) -> Iterator[Providers]:
    command = [sys.executable, "-m", "bench.soak.providers", str(seed)]
    with subprocess.Popen(command, cwd=targets.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        if run.stdin is None or run.stdout is None:
            raise AssertionError("both are pipes")
        providers = Providers(json.loads(run.stdout.readline()), {})
        try:
            yield providers
            run.stdin.close()
            providers.told = json.loads(run.stdout.readline())
        finally:
            run.terminate()


class Soak:
    """One run: restarts under load, then three rounds of everything on one process."""

    def __init__(self, installation: Installation, sizes: Sizes) -> None:
        self._installation = installation
        self._sizes = sizes
        self._peak = 0
        self._next = 0
        self.restarts = Endings()
        self.mixed = Endings()
        self.slow = Endings()
        self.repeated = 0

    async def run(self) -> Measured:
        """Return what the proxy held. Raises `CommandFailedError` and `SilentError`."""
        await self._installation.command("start")
        await self._restart_under_load()
        before = await self._at_rest()
        for _ in range(ROUNDS - 1):
            await self._round()
        plateau = await self._settled(before, IDLE_SECONDS)
        await self._round()
        after = await self._settled(before, SETTLE_SECONDS)
        collected = await gauge.measure(self._installation.pid, self._installation.counts, collect=True)
        _say("stop …")
        await self._installation.command("stop")
        return Measured(before, plateau, self._peak, after, collected)

    async def _restart_under_load(self) -> None:
        _say(f"{_RESTARTS} restarts under load …")
        done = asyncio.Event()
        load = Load(self._installation.address, self._sizes.seed, self._take(1_000_000), self.restarts, restarts=True)
        async with asyncio.TaskGroup() as group:
            group.create_task(load.run_until(done))
            try:
                for _ in range(_RESTARTS):
                    await asyncio.sleep(_RESTART_PAUSE)
                    await self._restart()
            finally:
                done.set()
        await self._restart()  # so that the process is a new one, without a request

    async def _restart(self) -> None:
        for _ in range(_RESTART_TRIES - 1):
            try:
                await self._installation.command("restart")
            except CommandFailedError as error:
                _say(f"  once more, since {error}")
                self.repeated += 1
            else:
                return
        await self._installation.command("restart")

    async def _round(self) -> None:
        """Hold everything at once on the proxy, for `hold` seconds at least; all clients have left at the end."""
        streams = self._sizes.streams // ROUNDS
        _say(f"{streams} requests, {self._sizes.slow} slow clients, a reload each second …")
        load = Load(self._installation.address, self._sizes.seed, self._take(streams), self.mixed)
        slow = SlowClients(self._installation.address, _SLOW_FIRST + self._take(self._sizes.slow), self.slow)
        began = time.monotonic()
        async with self._installation.reloading(), self._sampling(), slow.running(self._sizes.slow):
            await load.run(streams)
            _say(f"  {streams} requests took {time.monotonic() - began:.0f} s")
            await asyncio.sleep(max(0.0, began + self._sizes.hold - time.monotonic()))
            if self._sizes.hold >= MIN_HOLD:
                await slow.unread_ended(UNREAD_SECONDS)

    @asynccontextmanager
    async def _sampling(self) -> AsyncIterator[None]:
        """Remember the highest memory while the block runs."""
        pid = self._installation.pid

        async def sample() -> None:
            while True:
                self._peak = max(self._peak, machine.resident_bytes(pid))
                await asyncio.sleep(_SAMPLE_SECONDS)

        task = asyncio.get_running_loop().create_task(sample())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait((task,))

    async def _at_rest(self) -> Held:
        """Return what a process holds that has just started, once it holds the same for a while."""
        held, same = await self._held(), 0
        while same < _SAME_SECONDS:
            await asyncio.sleep(1)
            newer = await self._held()
            held, same = newer, same + 1 if newer.counts == held.counts else 0
        return held

    async def _held(self) -> Held:
        return await gauge.measure(self._installation.pid, self._installation.counts)

    async def _settled(self, before: Held, seconds: float) -> Held:
        """Return what the proxy holds once that is what it held before, or after so many seconds."""
        _say("settling …")
        deadline = time.monotonic() + seconds
        held = await self._held()
        while held.counts != before.counts and time.monotonic() < deadline:
            await asyncio.sleep(1)
            held = await self._held()
        return held

    def _take(self, numbers: int) -> int:
        """Return the first of so many numbers of requests, which no other request has."""
        first, self._next = self._next, self._next + numbers
        return first


def _say(text: str) -> None:
    print(text, flush=True)


def _sizes() -> Sizes:
    usual = Sizes()
    parser = argparse.ArgumentParser(description="Soak the proxy; see bench/soak/run.py.")
    parser.add_argument("--streams", type=int, default=usual.streams, help="requests of the mixed load")
    parser.add_argument("--slow", type=int, default=usual.slow, help="slow clients at once")
    parser.add_argument("--hold", type=float, default=usual.hold, help="seconds that the slow clients stay")
    parser.add_argument("--seed", type=int, default=usual.seed, help="another one draws other faults")
    given = parser.parse_args()
    return Sizes(given.streams, given.slow, given.hold, given.seed)


def _failures(error: Exception) -> Iterator[Exception]:
    """Yield what kept the test from running; nothing if something else is among it."""
    errors = error.exceptions if isinstance(error, ExceptionGroup) else (error,)
    if all(isinstance(each, CommandFailedError | SilentError) for each in errors):
        yield from errors


def main() -> int:
    """Run the soak test. Returns the exit code: 1 if something was found, or if it could not run."""
    if not sys.platform.startswith("linux"):
        print("the soak test reads /proc, which only Linux has", file=sys.stderr)
        return 1
    sizes, began = _sizes(), time.monotonic()
    machine.allow_many_files()
    with tempfile.TemporaryDirectory(prefix="claude-proxy-soak-") as folder, _providers(sizes.seed) as providers:
        installation = Installation(Path(folder), providers.ports)
        soak = Soak(installation, sizes)
        try:
            measured = uvloop.run(soak.run())
        except (CommandFailedError, SilentError, ExceptionGroup) as error:
            if not (failures := list(_failures(error))):
                raise
            print(*(f"the soak test failed: {failure}" for failure in failures), sep="\n", file=sys.stderr)
            return 1
        finally:
            uvloop.run(installation.command("stop", "--force"))
        logged = installation.logged()
    done = report.Run(sizes, measured, soak.restarts, soak.mixed, soak.slow, providers.told, logged, soak.repeated)
    page = report.page(done, time.monotonic() - began)
    if sizes == Sizes():
        PAGE.write_text(page)
    print(page)
    return 1 if done.findings else 0


if __name__ == "__main__":
    sys.exit(main())
