"""What `claude-proxy init` prints: the functions of a shell, after the line that calls this very program."""

from __future__ import annotations

import sys
from pathlib import Path

from claude_proxy.cli.shell import activate
from claude_proxy.cli.shell.quoting import Shell, command

PACKAGE = Path(__file__).resolve().parents[2]
FOLDER = PACKAGE / "shells"
CLONE = PACKAGE.parents[1]
"""Where the sources are a clone's: the folder with `proxy.py` and the PowerShell module."""

_PARTS = {
    Shell.BASH: ("claude-proxy.sh", "completion.bash"),
    Shell.ZSH: ("claude-proxy.sh", "completion.zsh"),
    Shell.FISH: ("claude-proxy.fish",),
}


def program() -> tuple[str, ...]:
    """Return the words that run this program from anywhere, whatever is on PATH.

    In a clone's own `.venv` that is `proxy.py`, by the Python which the venv was made from: it brings the venv up to
    date after a pull.
    """
    start = CLONE / "proxy.py"
    if start.is_file() and Path(sys.prefix).resolve() == (CLONE / ".venv").resolve():
        return (getattr(sys, "_base_executable", sys.executable), str(start))
    return (sys.executable, "-P", "-m", "claude_proxy")


def functions(shell: Shell) -> str:
    """Return the functions and their completion for bash, zsh or fish."""
    files = [(FOLDER / name).read_text(encoding="utf-8") for name in _PARTS[shell]]
    return "\n".join([_prelude(shell), *files])


def loading(shell: Shell) -> str:
    """Return the line of a profile that loads the functions."""
    match shell:
        case Shell.BASH | Shell.ZSH:
            return f'eval "$({command(shell, [*program(), "init", shell.value])})"'
        case Shell.FISH:
            return f"{command(shell, [*program(), 'init', 'fish'])} | source"
        case Shell.POWERSHELL:
            raise ValueError("PowerShell imports a module")


def _prelude(shell: Shell) -> str:
    call = command(shell, program())
    if shell is Shell.FISH:
        return (
            f"function _claude_proxy\n    {call} $argv\nend\n"
            "set -gx CLAUDE_PROXY_SHELL fish\n"
            f"set -g _claude_proxy_names {' '.join(activate.KNOWN)}\n"
        )
    return (
        "unalias claude-fb claude-switch claude-reset claude-status 2>/dev/null || :\n"
        f'_claude_proxy() {{ {call} "$@"; }}\n'
        f"export CLAUDE_PROXY_SHELL={shell.value}\n"
        f"_claude_proxy_names=({' '.join(activate.KNOWN)})\n"
    )
