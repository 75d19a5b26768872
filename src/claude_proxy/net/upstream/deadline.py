"""What the reader of a connection waits on: woken by what comes in, or stopped by its deadline."""

from __future__ import annotations

import asyncio


class Deadline:
    """A deadline that costs next to nothing to move, and the wait that it limits. There is one reader at a time.

    Each connection has one timer. If it fires too early, because the deadline was moved meanwhile, it is scheduled
    anew then. A stream of a thousand events, each with a deadline of its own, schedules it about once.
    """

    __slots__ = ("_loop", "_started", "_timer", "_waiter", "at", "now")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.now = loop.time
        """The clock by which it is over."""
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._started = 0.0
        self.at = 0.0
        """When it is over, by the loop's clock."""

    def start(self, seconds: float) -> None:
        """Set the deadline to `seconds` from now."""
        self._started = self._loop.time()
        self.at = self._started + seconds

    def elapsed(self) -> float:
        """Return the seconds since it was started last."""
        return self._loop.time() - self._started

    def wait(self) -> asyncio.Future[None]:
        """Return what to await: it is done when the reader is woken, and raises `TimeoutError` at the deadline."""
        if self._timer is None or self._timer.when() > self.at:
            self._schedule()
        self._waiter = self._loop.create_future()
        return self._waiter

    def wake(self) -> None:
        """Let the reader look at what has come."""
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():  # else it was cancelled
                waiter.set_result(None)

    def cancel(self) -> None:
        """Take the timer out of the loop: the connection is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self) -> None:
        self.cancel()
        self._timer = self._loop.call_at(self.at, self._timer_fired)

    def _timer_fired(self) -> None:
        self._timer = None
        waiter = self._waiter
        if waiter is None or waiter.done():
            return
        if self._loop.time() < self.at:
            self._schedule()
        else:
            self._waiter = None
            waiter.set_exception(TimeoutError())
