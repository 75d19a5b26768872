"""A user's command for events: a script that writes what it was given to a file."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from claude_proxy.cli.background.processes import until
from fakes.server import PATIENCE

_SCRIPT = """
import json, os, sys
with open({out!r}, "a", encoding="utf-8") as file:
    file.write(json.dumps([sys.argv[1:], sys.stdin.buffer.read().decode(), dict(os.environ)]) + "\\n")
"""


class EventCommand:
    """The command, and what it was told. `before` is more Python, which it runs first."""

    def __init__(self, folder: Path, before: str = "") -> None:
        self._out = folder / "told.jsonl"
        script = folder / "on_event.py"
        script.write_text(before + _SCRIPT.format(out=str(self._out)), encoding="utf-8")
        self.arguments = (sys.executable, "-E", "-S", str(script))

    def calls(self) -> list[tuple[list[str], str, dict[str, str]]]:
        """Return the arguments, the standard input and the variables of each time that it was run."""
        text = self._out.read_text(encoding="utf-8") if self._out.exists() else ""
        return [tuple(json.loads(line)) for line in text.splitlines() if line.endswith("]")]

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for _, line, _ in self.calls()]

    def kinds(self) -> list[str]:
        return [event["event"] for event in self.events()]

    def wait_for(self, count: int) -> list[dict[str, Any]]:
        """Wait until it was told of so many events, and return them."""
        events = until(lambda: found if len(found := self.events()) >= count else None, PATIENCE)
        assert events is not None, self.calls()
        return events

    async def told_of(self, *kinds: str) -> dict[str, dict[str, Any]]:
        """Wait until it was told of these kinds, and return the newest of each."""

        def found() -> dict[str, dict[str, Any]] | None:
            newest = {event["event"]: event for event in self.events()}
            return newest if set(kinds) <= newest.keys() else None

        events = await asyncio.to_thread(until, found, PATIENCE)
        assert events is not None, self.calls()
        return events
