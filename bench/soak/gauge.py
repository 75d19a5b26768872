"""What the proxy's process holds: memory and descriptors from Linux' /proc, tasks and objects as it says itself."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench import machine

PATIENCE: Final = 30.0
"""Seconds for the process to tell its counts; longer means that its loop stands still."""

_POLL: Final = 0.02

REQUEST_PATH: Final = (
    "claude_proxy.proxy.exchange.Exchange",
    "claude_proxy.net.client_connection.ClientConnection",
    "claude_proxy.net.asgi_client.AsgiClient",
    "claude_proxy.net.upstream.connection.Connection",
    "uvicorn.protocols.http.httptools_impl.RequestResponseCycle",
)
"""What lives as long as a request or a connection, and no longer."""


class SilentError(Exception):
    """The process does not tell its counts."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the process holds: RSS in bytes, and how many of each. `objects` are those of `REQUEST_PATH`."""

    rss: int
    descriptors: int
    tasks: int
    threads: int
    objects: Mapping[str, int]

    @property
    def counts(self) -> tuple[int, int]:
        """What must be the same before and at the end: descriptors and tasks."""
        return self.descriptors, self.tasks

    @property
    def alive(self) -> int:
        """How many objects of the path of a request are alive."""
        return sum(self.objects.values())


def descriptors(pid: int) -> int:
    """Return how many files and sockets a process has open."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def threads(pid: int) -> int:
    """Return how many threads a process has, those of its libraries included."""
    return sum(1 for _ in Path(f"/proc/{pid}/task").iterdir())


async def measure(pid: int, counts: Path, *, collect: bool = False) -> Held:
    """Return what a process holds; with `collect`, after it has collected its garbage. Raises `SilentError`."""
    rss = machine.resident_bytes(pid)
    _ask(pid, counts, signal.SIGUSR2 if collect else signal.SIGUSR1)
    try:
        async with asyncio.timeout(PATIENCE):
            while (told := _answer(counts)) is None:  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(_POLL)
    except TimeoutError:
        raise SilentError(f"process {pid} did not tell its counts within {PATIENCE:g} s") from None
    objects = {name: told["objects"].get(name, 0) for name in REQUEST_PATH}
    return Held(rss, descriptors(pid), told["tasks"], threads(pid), objects)


def _ask(pid: int, counts: Path, number: signal.Signals) -> None:
    counts.unlink(missing_ok=True)
    os.kill(pid, number)


def _answer(counts: Path) -> dict[str, Any] | None:
    try:
        told: dict[str, Any] = json.loads(counts.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return told
