"""How much later an answer begins than over a direct connection."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from bench import traffic
from bench.client import connections
from bench.targets import Target
from bench.throughput import LOADS

ROUNDS: Final = 500
_WARM_UP: Final = 20


@dataclass(frozen=True, slots=True)
class Added:
    """Seconds added to the first byte: the median and the 90th percentile."""

    median: float
    p90: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> Added:
        """Summarize the samples."""
        return cls(statistics.median(samples), statistics.quantiles(samples, n=10)[-1])


async def measure(direct: Target, others: Sequence[Target]) -> Mapping[str, Added]:
    """Return what each of `others` adds, by name; they take turns with the direct connection, request by request."""
    targets, added = (direct, *others), defaultdict[str, list[float]](list)
    payload = traffic.body(LOADS[0].size)
    requests = [target.request(f"/v1/messages?beta=true&script={LOADS[0].script}", payload) for target in targets]
    async with AsyncExitStack() as stack:
        opened = [(await stack.enter_async_context(connections(target.port, 1)))[0] for target in targets]
        for number in range(ROUNDS + _WARM_UP):
            pairs = zip(opened, requests, strict=True)
            bare, *times = [(await connection.exchange(request)).first_byte for connection, request in pairs]
            if number >= _WARM_UP:
                for target, taken in zip(others, times, strict=True):
                    added[target.name].append(taken - bare)
    return {name: Added.of(samples) for name, samples in added.items()}
