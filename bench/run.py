"""Measure claude-proxy beside nginx and a direct connection, and write RESULTS.md.

Takes about two minutes. Needs Linux; without nginx there is nothing to compare with, and the rest is measured.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Final

import uvloop
from bench import adaptation, failover, first_byte, machine, memory, readiness, report, targets, throughput
from bench.client import UnexpectedAnswerError
from bench.results import OURS, Results, verdicts
from bench.targets import StartError, Target

PAGE: Final = Path(__file__).with_name("RESULTS.md")
_Starts = Mapping[str, Callable[[], AbstractAsyncContextManager[Target]]]


async def _measure(direct: Target, starts: _Starts) -> Results:
    print("memory and start …", flush=True)
    ready = {name: await readiness.measure(start) for name, start in starts.items()}
    footprints = {name: await _memory(start) for name, start in starts.items()}
    async with AsyncExitStack() as stack:
        others = [await stack.enter_async_context(start()) for start in starts.values()]
        print("first byte …", flush=True)
        added = await first_byte.measure(direct, others)
        print("CPU time per request …", flush=True)
        rows = await throughput.measure((direct, *others))
    print("failover …", flush=True)
    failovers = await failover.measure(direct)
    print("adaptation …", flush=True)
    return Results(rows, added, footprints, ready, failovers, adaptation.measure())


async def _memory(start: Callable[[], AbstractAsyncContextManager[Target]]) -> memory.Memory:
    async with start() as target:
        return await memory.measure(target)


def _starts(provider: Target) -> _Starts:
    ours = {OURS: lambda: targets.claude_proxy({"provider": f"http://127.0.0.1:{provider.port}"})}
    return {"nginx": lambda: targets.nginx(provider.port), **ours} if targets.NGINX else ours


def _nginx_version() -> str:
    if targets.NGINX is None:
        return "no nginx (apt-get install nginx-light)"
    version = subprocess.run([targets.NGINX, "-v"], capture_output=True, text=True, check=True).stderr
    return version.strip().removeprefix("nginx version: ").replace("/", " ")


def main() -> int:
    """Run all measurements. Returns the exit code: 0 whether goals are met or not, 1 if it could not measure."""
    if not sys.platform.startswith("linux"):
        print("the benchmark reads /proc, which only Linux has", file=sys.stderr)
        return 1
    if targets.NGINX is None:
        print("nginx is missing, so there is nothing to compare with; to install it: apt-get install nginx-light")
    machine.allow_many_files()
    try:
        with targets.provider() as provider:
            results = uvloop.run(_measure(provider, _starts(provider)))
    except (StartError, UnexpectedAnswerError) as error:
        print(f"the benchmark failed: {error}", file=sys.stderr)
        return 1
    PAGE.write_text(report.page(results, _nginx_version()))
    for verdict in verdicts(results):
        print(f"{verdict.word:12} {verdict.what}")
    print(f"all figures: {PAGE.relative_to(targets.ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
