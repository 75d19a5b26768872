"""What the one reader of a connection sleeps on: it is woken by what comes, or by its deadline."""

from __future__ import annotations

import asyncio


class Deadline:
    """A deadline that costs next to nothing to move.

    There is one timer a connection. Where it rings too early, because the deadline was moved meanwhile, it is set anew
    then; a stream of a thousand events, each with its own deadline, sets it about once.
    """

    __slots__ = ("_loop", "_sleeper", "_timer", "deadline")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._sleeper: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.deadline = 0.0

    def set(self, seconds: float) -> None:
        """Ring in `seconds` from now, if the reader sleeps then."""
        self.deadline = self._loop.time() + seconds

    def elapsed(self, seconds: float) -> float:
        """Return the time since it was set to ring in `seconds`."""
        return max(0.0, self._loop.time() - self.deadline + seconds)

    def sleep(self) -> asyncio.Future[None]:
        """Return what to await; it raises `TimeoutError` at the deadline."""
        if self._timer is None or self._timer.when() > self.deadline:
            self._arm()
        self._sleeper = self._loop.create_future()
        return self._sleeper

    def wake(self) -> None:
        """Let the reader look at what has come."""
        sleeper = self._sleeper
        if sleeper is not None:
            self._sleeper = None
            if not sleeper.done():  # else it was cancelled
                sleeper.set_result(None)

    def stop(self) -> None:
        """Take the timer out of the loop: the connection is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self.stop()
        self._timer = self._loop.call_at(self.deadline, self._ring)

    def _ring(self) -> None:
        self._timer = None
        sleeper = self._sleeper
        if sleeper is None or sleeper.done():
            return
        if self._loop.time() < self.deadline:
            self._arm()
        else:
            self._sleeper = None
            sleeper.set_exception(TimeoutError())
