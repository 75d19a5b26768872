"""The real Claude Code, run as a user runs it, with a home of its own."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

VERSION = "2.1.332"
PATIENCE = 60.0
"""Seconds that one prompt may take; it takes about two."""

PROGRAM = "claude.cmd" if sys.platform == "win32" else "claude"
KEPT_VARIABLES = ("PATH", "LANG", "TMPDIR", "TEMP", "SYSTEMROOT", "COMSPEC", "PATHEXT")
QUIET = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
"""Set for Claude Code: it then looks for no update and sends no telemetry, which takes a fifth of its time here."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The result of a run of Claude Code."""

    code: int | None
    """None if it did not end in time."""
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class ClaudeCode:
    """Claude Code with an empty working folder and a home of its own, both under `root`."""

    program: str
    root: Path

    async def run(self, url: str, token: str, *arguments: str) -> Finished:
        """Run `claude -p` with these arguments against a base URL. Fails the test if it does not end in time."""
        return await self.start({"ANTHROPIC_BASE_URL": url, "ANTHROPIC_AUTH_TOKEN": token}, *arguments)

    async def start(self, environ: Mapping[str, str], *arguments: str) -> Finished:
        """Run `claude -p` with these variables. Fails the test if it does not end in time."""
        finished = await self.printed(environ, PATIENCE, *arguments)
        if finished.code is None:
            pytest.fail(f"claude -p did not end within {PATIENCE} s: {finished.out!r} {finished.err!r}")
        return finished

    async def printed(self, environ: Mapping[str, str], patience: float, *arguments: str) -> Finished:
        """Run `claude -p` with these variables; end it after `patience` seconds."""
        process = await asyncio.create_subprocess_exec(
            self.program,
            "-p",
            *arguments,
            cwd=self.folder("work"),
            env={**self.environment(), **environ},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(patience):
                out, err = await process.communicate()
            code = process.returncode
        except TimeoutError:
            process.kill()
            out, err = await process.communicate()
            code = None
        return Finished(code, out.decode("utf-8", "replace").strip(), err.decode("utf-8", "replace").strip())

    def environment(self) -> Mapping[str, str]:
        home = str(self.folder("home"))
        kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        return {**kept, **QUIET, "HOME": home, "USERPROFILE": home}

    def folder(self, name: str) -> Path:
        folder = self.root / name
        folder.mkdir(exist_ok=True)
        return folder


def find_program() -> str | None:
    """Return the path of Claude Code: the one named in CLAUDE_PROXY_CLAUDE, the cached one, or the one on PATH."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    cached = cache / "claude-proxy-ci" / f"claude-code-{VERSION}" / "node_modules" / ".bin" / PROGRAM
    if named := os.environ.get("CLAUDE_PROXY_CLAUDE"):
        return named
    return str(cached) if cached.exists() else shutil.which("claude")


def claude_code(root: Path) -> ClaudeCode:
    """Return Claude Code. If it is not installed, the test is skipped, or fails with CLAUDE_PROXY_REQUIRE_CLIENT=1."""
    if program := find_program():
        return ClaudeCode(program, root)
    install = f"npm install -g @anthropic-ai/claude-code@{VERSION}"
    missing = f"Claude Code is not installed: {install}, or name it in CLAUDE_PROXY_CLAUDE"
    if os.environ.get("CLAUDE_PROXY_REQUIRE_CLIENT") == "1":
        pytest.fail(missing)
    pytest.skip(missing)
