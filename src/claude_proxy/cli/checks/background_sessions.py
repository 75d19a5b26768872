"""Claude Code's background sessions (`claude --bg`, `claude agents`), whose supervisor has an environment of its own.

It is that of the terminal that started it first, whatever the terminal is that asks for a session. Claude Code 2.1.332
writes who it is into `daemon.lock` in its folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import msgspec

from claude_proxy.cli.background.processes import alive
from claude_proxy.cli.checks.context import CheckContext
from claude_proxy.cli.checks.finding import Finding, note, ok
from claude_proxy.cli.claude_code import settings_files, statusline_text
from claude_proxy.core.text import printable
from claude_proxy.store.files import read_up_to
from claude_proxy.store.home import HOME_VARIABLE

STOP = "claude daemon stop --any"
LOCK = "daemon.lock"
MAX_BYTES = 256 * 1024
FIX = (
    f'If they end with "No LLM gateway" or bypass the proxy: run `{STOP}`, which ends them, then start them again '
    "in a terminal after claude-fb."
)


class _Starter(msgspec.Struct):
    cwd: str = ""


class _Supervisor(msgspec.Struct):
    pid: Annotated[int, msgspec.Meta(gt=0)]
    spawned_by: _Starter = msgspec.field(name="spawnedBy", default_factory=_Starter)


def inspect(context: CheckContext) -> Iterator[Finding]:
    """Report a supervisor whose sessions do not reach the proxy as this terminal does."""
    environ = {**context.environ, HOME_VARIABLE: str(context.home.root)}
    supervisor = _read(settings_files.config_folder(environ) / LOCK)
    if supervisor is None or not alive(supervisor.pid):
        return
    place = f", started in {printable(supervisor.spawned_by.cwd, 200)}" if supervisor.spawned_by.cwd else ""
    who = f"the supervisor of Claude Code's background sessions (pid {supervisor.pid}{place})"
    here = statusline_text.mode(environ)
    its_environ = _environ_of(supervisor.pid)
    if its_environ is None:
        if statusline_text.proxy_target_of(environ):
            yield note("background", f"{who} has the environment of the terminal that started it", FIX)
        return
    there = statusline_text.mode({**its_environ, HOME_VARIABLE: str(context.home.root)})
    if there == here:
        yield ok("background", f"{who} has this terminal's mode, {here}")
    else:
        yield note("background", f"{who} has another mode than this terminal: {there}, not {here}", FIX)


def _read(path: Path) -> _Supervisor | None:
    try:
        return msgspec.json.decode(read_up_to(path, MAX_BYTES) or b"", type=_Supervisor)
    except (OSError, msgspec.DecodeError):  # there is none, or another version writes it otherwise
        return None


def _environ_of(pid: int) -> Mapping[str, str] | None:
    """Return the environment that a process was started with; None if the system does not tell, as all but Linux."""
    try:
        data = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return None
    pairs = (entry.decode(errors="replace").partition("=") for entry in data.split(b"\0") if entry)
    return {name: value for name, _, value in pairs}
