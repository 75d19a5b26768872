"""Tells the user's command (`on_event`) and the desktop (`notify`) of events; loads nothing before the first one."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from claude_proxy.app.events.environment import environment
from claude_proxy.config.load import Config
from claude_proxy.core.events import Event, EventLimits
from claude_proxy.proxy.ports import Clock, Level

if TYPE_CHECKING:
    from claude_proxy.app.events.desktop import Notifier
    from claude_proxy.app.events.runner import Runner

COMMAND, DESKTOP = "on_event", "notify"


class EventDispatch:
    """An `EventSink`. `note` takes what goes wrong; commands run in `folder`. Of the event loop."""

    def __init__(
        self, clock: Clock, note: Callable[[str, Level], object], folder: Path, environ: Mapping[str, str] | None = None
    ) -> None:
        self._clock = clock
        self._note = note
        self._folder = folder
        self._environ = os.environ if environ is None else environ
        self._limits = EventLimits()
        self._command: tuple[str, ...] = ()
        self._wants_desktop = False
        self._variables: Mapping[str, str] = {}
        self._notifier: Notifier | None = None
        self._runners: dict[str, Runner] = {}

    def follow(self, config: Config) -> None:
        """Do as a configuration says from now on."""
        self._command = config.on_event
        self._variables = environment(self._environ, {provider.api_key for provider in config.providers})
        for runner in self._runners.values():
            runner.environ = self._variables
        if config.notify and not self._wants_desktop:
            self._notifier = self._find_notifier()
        self._wants_desktop = config.notify

    def tell(self, event: Event) -> None:
        """Tell of an event, later and elsewhere."""
        notifier = self._notifier if self._wants_desktop else None
        if not self._command and notifier is None:
            return
        if not self._limits.admits(event, self._clock.monotonic()):
            return
        from claude_proxy.app.events.runner import Invocation  # noqa: PLC0415 - only users of events need it

        if self._command:
            self._runner(COMMAND).put(Invocation(self._command, event.line()))
        if notifier:
            self._runner(DESKTOP).put(notifier(event.text))

    async def aclose(self) -> None:
        """Tell of nothing more, and end what still runs."""
        self._command, self._wants_desktop = (), False
        for runner in self._runners.values():
            await asyncio.to_thread(runner.close)

    def _runner(self, name: str) -> Runner:
        runner = self._runners.get(name)
        if runner is None:
            from claude_proxy.app.events.runner import Runner  # noqa: PLC0415 - as above

            loop = asyncio.get_running_loop()

            def note(text: str) -> None:
                with contextlib.suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(self._note, text, "warning")

            runner = self._runners[name] = Runner(name, note, self._variables, self._folder)
            runner.start()
        return runner

    def _find_notifier(self) -> Notifier | None:
        from claude_proxy.app.events.desktop import notifier  # noqa: PLC0415 - as above

        found = notifier(self._environ)
        if isinstance(found, str):
            self._note(f"notify: no notification can be shown: {found}", "warning")
            return None
        return found
