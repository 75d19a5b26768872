"""A pseudo-terminal in which Claude Code runs as a person runs it: keys go in, a screen comes out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest

from client.claude_code import PATIENCE, ClaudeCode

ROWS, COLUMNS = 50, 160
_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?<>=]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
READY = "\N{HEAVY RIGHT-POINTING ANGLE QUOTATION MARK ORNAMENT}"
"""The prompt."""


class Terminal:
    """What a program has written to its terminal so far, without colours and cursor movements."""

    def __init__(self, master: int) -> None:
        self._master = master
        self._raw = bytearray()
        self._changed = asyncio.Event()
        self.closed = False

    @property
    def text(self) -> str:
        """All that was written, words apart, whatever moved the cursor between them."""
        return " ".join(_ESCAPES.sub(" ", self._raw.decode("utf-8", "replace")).split())

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode())

    async def ask(self, prompt: str) -> None:
        """Type a prompt, and send it once it is on the screen."""
        self.type(prompt)
        await self.wait_for(lambda: prompt in self.text, "what was typed")
        self.type("\r")

    async def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        """Return once a condition holds; it is checked whenever something was written. Fails the test after a while."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            pytest.fail(f"{what} did not show within {PATIENCE:g} s: {self.text[-2000:]}")

    def read(self) -> None:
        """Take what was written."""
        with contextlib.suppress(OSError):  # the program has ended
            self._raw += os.read(self._master, 65536)
            self._changed.set()
            return
        asyncio.get_running_loop().remove_reader(self._master)


@contextlib.asynccontextmanager
async def interactive(claude: ClaudeCode, environ: Mapping[str, str], *arguments: str) -> AsyncIterator[Terminal]:
    """Run Claude Code in a terminal, past its first questions; end it afterwards."""
    if sys.platform == "win32":
        pytest.skip("there are no pseudo-terminals here: run this on Linux or macOS")
    import fcntl  # noqa: PLC0415 - not on Windows
    import pty  # noqa: PLC0415
    import struct  # noqa: PLC0415
    import termios  # noqa: PLC0415

    work = claude.folder("work").resolve()
    _answer_first_questions(claude.folder("home"), work)
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    process = await asyncio.create_subprocess_exec(
        claude.program,
        *arguments,
        cwd=work,
        env={**claude.environment(), "TERM": "xterm-256color", **environ},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    terminal = Terminal(master)
    loop = asyncio.get_running_loop()
    loop.add_reader(master, terminal.read)
    try:
        await terminal.wait_for(lambda: READY in terminal.text, "the prompt")
        yield terminal
    finally:
        loop.remove_reader(master)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        os.close(master)


def _answer_first_questions(home: Path, work: Path) -> None:
    project = {"hasTrustDialogAccepted": True, "projectOnboardingSeenCount": 3, "allowedTools": []}
    settings = {"hasCompletedOnboarding": True, "theme": "dark", "numStartups": 5, "projects": {str(work): project}}
    (home / ".claude.json").write_text(json.dumps({**settings, "lastOnboardingVersion": "2.1.332"}), encoding="utf-8")
