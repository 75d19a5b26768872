"""Pings for a client that waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine


class Keepalive:
    """Calls `ping` when nothing was sent for a while.

    `reset` is one assignment, since it is called for each event that is relayed: the timer looks at the time that is
    due only when it fires.
    """

    __slots__ = ("_due", "_every", "_loop", "_paused", "_ping", "_task", "_timer")

    def __init__(self, ping: Callable[[], Coroutine[None, None, None]]) -> None:
        self._loop = asyncio.get_running_loop()
        self._ping: Callable[[], Coroutine[None, None, None]] | None = ping
        self._every = self._due = 0.0
        self._paused = False
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, *, first: float, every: float) -> None:
        """Ping after `first` seconds, then after each `every` seconds in which nothing was sent."""
        self._every = every
        self._due = self._loop.time() + first
        self._timer = self._loop.call_at(self._due, self._tick)

    def reset(self) -> None:
        """Count from now: something was sent."""
        self._due = self._loop.time() + self._every

    async def pause(self) -> None:
        """Stop pinging; a ping that is under way is finished first, so that it comes before what is sent next."""
        self._paused = True
        if self._task:
            await self._task
            self._task = None

    def resume(self) -> None:
        """Ping again, counted from now."""
        self._paused = False
        self.reset()

    def stop(self) -> None:
        """Stop for good, at once, and let go of who pings: each holds the other."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._task:
            self._task.cancel()
            self._task = None
        self._ping = None

    def _tick(self) -> None:
        now = self._loop.time()
        if now >= self._due:
            self._due = now + self._every
            if self._ping and not self._paused and (self._task is None or self._task.done()):
                self._task = self._loop.create_task(self._ping())
        self._timer = self._loop.call_at(self._due, self._tick)
