"""How this user calls the program, for hints that can be typed as they stand.

claude-proxy start              installed, and on PATH
python3 proxy.py start          from a clone: `proxy.py` passes on the words it was started with
python3 -m claude_proxy start   by the name of the package
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from claude_proxy.core.text import PROGRAM, with_program

STARTED_AS = "CLAUDE_PROXY_STARTED_AS"
"""Set by `proxy.py`, and by `start` for the background process: the words that start the program, a line each."""
SHELL_VARIABLE = "CLAUDE_PROXY_SHELL"
"""Set by the shell functions to the name of their shell."""


def invocation(arguments: str = "") -> str:
    """Return the command line that runs the program with these arguments: `python3 proxy.py stop --force`."""
    words = [_short(word) for word in _words()]
    return " ".join([*map(_quote, words), *filter(None, [arguments])])


def with_invocations(text: str) -> str:
    """Return a text that names commands as `claude-proxy stop`, with the words of this user instead."""
    return with_program(text, invocation())


def start_command(environ: Mapping[str, str]) -> str:
    """Return what starts the proxy: `claude-fb` if the shell functions are loaded, else the command `start`."""
    return "claude-fb" if environ.get(SHELL_VARIABLE) else invocation("start")


def force_reset_command(environ: Mapping[str, str]) -> str:
    """Return how to call the shell function `claude-reset` so that it cuts requests, in this shell."""
    return "claude-reset -Force" if environ.get(SHELL_VARIABLE) == "powershell" else "claude-reset --force"


def started_as() -> str:
    """Return the value of `STARTED_AS` for a process in another folder."""
    return "\n".join(str(Path(word).absolute()) if Path(word).is_file() else word for word in _words())


def _words() -> list[str]:
    entry = Path(sys.argv[0])
    if entry.stem == PROGRAM:
        return [sys.argv[0]]
    if entry.parts[-2:] != ("claude_proxy", "__main__.py"):
        return [PROGRAM]
    if handed_on := os.environ.get(STARTED_AS):
        return handed_on.split("\n")
    return [sys.orig_argv[0] or sys.executable, "-m", "claude_proxy"]


def _short(word: str) -> str:
    """Return a path as its name alone if PATH leads to the same file, else with `~` for the home folder."""
    path = Path(word)
    if not path.is_absolute():
        return word
    name = path.stem if sys.platform == "win32" else path.name
    if _is_same(shutil.which(name), path):
        return name
    if sys.platform == "win32":
        return "py" if name.lower() == "python" and shutil.which("py") else word
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else word


def _is_same(found: str | None, path: Path) -> bool:
    try:
        return found is not None and path.samefile(found)
    except OSError:
        return False


def _quote(word: str) -> str:
    if sys.platform == "win32":
        return subprocess.list2cmdline([word])
    head, tail = ("~/", word[2:]) if word.startswith("~/") else ("", word)
    return head + shlex.quote(tail)
