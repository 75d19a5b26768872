"""A turn of the real Claude Code that writes a file, and what its user sees of a fault in it."""

from __future__ import annotations

import asyncio
import enum
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from bench.faults.answers import DONE, VERSE
from bench.faults.faults import Fault, Kind
from bench.faults.tap import Tap, tapping
from bench.faults.targets import Gateway
from bench.faults.upstreams import Case, Upstreams

from client.claude_code import ClaudeCode
from client.terminal import interactive

QUIET: Final = 20.0
"""Seconds without a request or a byte after which a turn that shows an error counts as over."""

LIMIT: Final = 75.0
"""Seconds that a turn may take."""

_PROMPT: Final = "write the verse"
_ALLOWED: Final = ("--permission-mode", "default", "--allowedTools", "Write")


class Seen(enum.Enum):
    """What the user sees."""

    WHOLE = "whole"
    """The file is right, the model says so, no error showed, and the client asked once."""
    RETRIED = "retried"
    """As above, but the client asked again by itself."""
    LOST = "TURN LOST"
    """The turn ended before its work was done: the user has to say something."""
    HANG = "HANG"
    """Nothing happened any more."""
    UNKNOWN = "not measured"


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn as its user saw it."""

    seen: Seen
    seconds: float
    requests: int
    """How often the client asked for this answer."""

    again: str = ""
    """How it asked again first: streamed or not, and how long after the fault."""

    shown: str = ""
    """The error on the screen."""


async def take(program: str, gateway: Gateway, upstreams: Upstreams, fault: Fault, *, in_terminal: bool) -> Turn:
    """Let Claude Code take a turn in which a fault strikes."""
    with tempfile.TemporaryDirectory() as folder:
        claude = ClaudeCode(program, Path(folder))
        file = claude.folder("work").resolve() / "verse.txt"
        async with tapping(gateway.port) as tap, upstreams.case(fault, Kind.TOOLS, str(file)) as case:
            url = f"http://127.0.0.1:{tap.port}{gateway.prefix}"
            environ = {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_AUTH_TOKEN": gateway.token}
            started = time.monotonic()
            try:
                out, started = await (_interactive if in_terminal else _print)(claude, environ, tap, started)
            except pytest.fail.Exception:
                return Turn(Seen.UNKNOWN, 0.0, 0)
            seconds = time.monotonic() - started
        written = file.read_text(encoding="utf-8") if file.exists() else None
        return _judge(tap, case, out, seconds, is_right=written == VERSE)


async def _print(claude: ClaudeCode, environ: Mapping[str, str], _tap: Tap, started: float) -> tuple[str, float]:
    """Run `claude -p`; return what it printed."""
    finished = await claude.printed(environ, LIMIT, _PROMPT, *_ALLOWED)
    return finished.out + finished.err, started


async def _interactive(claude: ClaudeCode, environ: Mapping[str, str], tap: Tap, _: float) -> tuple[str, float]:
    """Run it in a terminal; return what it wrote there. The time counts from the prompt."""
    async with interactive(claude, environ, *_ALLOWED) as terminal:
        await terminal.ask(_PROMPT)
        started = time.monotonic()
        with suppress(TimeoutError):
            async with asyncio.timeout(LIMIT):
                while DONE not in terminal.text and not _is_over(terminal.text, tap):
                    with suppress(TimeoutError):
                        async with asyncio.timeout(0.5):
                            await terminal.wait_for(lambda: DONE in terminal.text, "the last sentence")
        return terminal.text, started


def _is_over(screen: str, tap: Tap) -> bool:
    return "API Error" in screen and time.monotonic() - max(tap.last_byte, *(a.at for a in tap.asked)) > QUIET


def _judge(tap: Tap, case: Case, out: str, seconds: float, *, is_right: bool) -> Turn:
    first = [asked for asked in tap.asked if not asked.after_tool]
    at = out.find("API Error")
    shown = out[at : at + 110] if at >= 0 else ""
    again = ""
    if case.struck_at and len(first) > 1:
        again = f"{'' if first[1].streamed else 'not '}streamed after {first[1].at - case.struck_at:.1f} s"
    if DONE in out and is_right:
        seen = Seen.WHOLE if len(first) == 1 and not shown else Seen.RETRIED
    elif shown or seconds < LIMIT - 1:
        seen = Seen.LOST
    else:
        seen = Seen.HANG
    return Turn(seen, seconds, len(first), again, shown)
