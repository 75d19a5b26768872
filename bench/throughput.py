"""CPU time per request and requests per second, under several loads and at 1 and 32 connections."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bench import traffic
from bench.client import Connection, connections
from bench.machine import cpu_seconds
from bench.targets import Target

ROUNDS: Final = 5
SECONDS: Final = 0.4
"""How long one target is kept busy before the next one."""

CONNECTIONS: Final = (1, 32)


@dataclass(frozen=True, slots=True)
class Load:
    """A request and the stream that answers it."""

    title: str
    script: str
    size: int
    goal: float
    """The most CPU time per request, in multiples of nginx's."""


LOADS: Final = (
    Load("85 KB request, 100 events", "burst", 85_000, 2.5),
    Load("85 KB request, 1,000 events, each its own write", "singles", 85_000, 1.3),
    Load("1 MB request, 100 events", "burst", 1_000_000, 2.5),
)


@dataclass(frozen=True, slots=True)
class Figure:
    """Medians over the rounds; `cpu` in seconds per request, None for a direct connection."""

    rate: float
    cpu: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """One load at one number of connections, with a figure for each target by name."""

    load: Load
    connections: int
    figures: Mapping[str, Figure]

    @property
    def title(self) -> str:
        """What was measured."""
        return f"{self.load.title}, {self.connections} connection{'s' * (self.connections > 1)}"

    @property
    def ratio(self) -> float | None:
        """CPU time of claude-proxy in multiples of nginx's."""
        nginx, ours = self.figures.get("nginx"), self.figures["claude-proxy"]
        return ours.cpu / nginx.cpu if nginx and nginx.cpu and ours.cpu else None


async def measure(targets: Sequence[Target]) -> list[Row]:
    """Return a row for each load and number of connections; the targets take turns within each round."""
    return [await _row(targets, load, count) for load in LOADS for count in CONNECTIONS]


async def _row(targets: Sequence[Target], load: Load, count: int) -> Row:
    payload = traffic.body(load.size)
    samples = defaultdict[str, list[Figure]](list)
    for _ in range(ROUNDS):
        for target in targets:
            request = target.request(f"/v1/messages?beta=true&script={load.script}", payload)
            samples[target.name].append(await _sample(target, request, count))
    return Row(load, count, {name: _median(figures) for name, figures in samples.items()})


async def _sample(target: Target, request: bytes, count: int) -> Figure:
    async with connections(target.port, count) as opened:
        # the target opens its own connections to the provider
        await asyncio.gather(*(connection.exchange(request) for connection in opened))
        cpu_before, began = _cpu(target), time.perf_counter()
        done = sum(await asyncio.gather(*(_repeat(connection, request, began + SECONDS) for connection in opened)))
        elapsed, cpu = time.perf_counter() - began, _cpu(target) - cpu_before
    return Figure(done / elapsed, cpu / done if target.pid else None)


def _cpu(target: Target) -> float:
    return cpu_seconds(target.pid) if target.pid else 0.0


async def _repeat(connection: Connection, request: bytes, until: float) -> int:
    done = 0
    while time.perf_counter() < until:
        await connection.exchange(request)
        done += 1
    return done


def _median(figures: Sequence[Figure]) -> Figure:
    cpu = [figure.cpu for figure in figures if figure.cpu is not None]
    return Figure(statistics.median(figure.rate for figure in figures), statistics.median(cpu) if cpu else None)
