"""Memory at rest, and what each open stream adds to it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from bench import traffic
from bench.client import connections
from bench.machine import resident_bytes
from bench.targets import Target
from bench.throughput import LOADS

STREAMS: Final = 500
_AT_ONCE: Final = 25
_WARM_UP: Final = 20


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes (RSS): after a few requests, and with `STREAMS` streams that have begun and not ended."""

    at_rest: int
    under_load: int

    @property
    def per_stream(self) -> float:
        """What one stream adds."""
        return (self.under_load - self.at_rest) / STREAMS


async def measure(target: Target) -> Memory:
    """Return the memory of a target that has just been started."""
    if target.pid is None:
        raise ValueError("a direct connection has no process to measure")
    payload = traffic.body(LOADS[0].size)
    short = target.request("/v1/messages?beta=true&script=burst", payload)
    endless = target.request("/v1/messages?beta=true&script=hold", payload)
    async with connections(target.port, 1) as (connection,):
        for _ in range(_WARM_UP):
            await connection.exchange(short)
    at_rest = resident_bytes(target.pid)
    async with connections(target.port, STREAMS) as opened:
        for first in range(0, STREAMS, _AT_ONCE):
            batch = opened[first : first + _AT_ONCE]
            await asyncio.gather(*(connection.open_stream(endless) for connection in batch))
        return Memory(at_rest, resident_bytes(target.pid))
