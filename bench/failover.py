"""The time that a failover adds: the first byte after a failed provider, less the first byte without it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Final

from bench import targets, traffic
from bench.client import Connection, UnexpectedAnswerError, connections
from bench.first_byte import Added
from bench.targets import Target
from bench.throughput import LOADS
from bench.upstream import FAULTS, REFUSED

ROUNDS: Final = 60
_SECOND: Final = "second"
_ANSWERED_SECOND: Final = b", second=200"
"""How `x-claude-proxy-attempts` ends if the first provider failed."""


async def measure(provider: Target) -> Mapping[str, Added]:
    """Return what each kind of fault adds to the first byte."""
    healthy = f"http://127.0.0.1:{provider.port}"
    failing = {"first": f"{healthy}/failing", _SECOND: healthy}
    refusing = {"first": f"http://127.0.0.1:{targets.free_port()}", _SECOND: healthy}
    async with AsyncExitStack() as stack:
        behind_failing = await stack.enter_async_context(targets.claude_proxy(failing))
        behind_refusing = await stack.enter_async_context(targets.claude_proxy(refusing))
        return {fault: await _added(behind_refusing if fault == REFUSED else behind_failing, fault) for fault in FAULTS}


async def _added(target: Target, fault: str) -> Added:
    payload = traffic.body(LOADS[0].size)
    query = f"v1/messages?beta=true&script=burst&fault={fault}"
    through = target.request(f"/{query}", payload)
    without = target.request(f"/provider/{_SECOND}/{query}", payload)
    async with connections(target.port, 1) as (connection,):
        samples = []
        for _ in range(ROUNDS):
            await connection.exchange(without)  # the failover before it is still being recorded, which slows this one
            bare = (await connection.exchange(without)).first_byte
            samples.append(await _failed_over(connection, through) - bare)
    return Added.of(samples)


async def _failed_over(connection: Connection, request: bytes) -> float:
    answered = await connection.exchange(request)
    if _ANSWERED_SECOND not in answered.opening:
        raise UnexpectedAnswerError(f"no failover: {answered.opening[:600]!r}")
    return answered.first_byte
