"""What `claude-proxy init` prints: the functions of a shell, after the line that calls this very program.

PowerShell has a module instead. In a clone it is imported from there, else it is copied to the home folder.
"""

from __future__ import annotations

import sys
from pathlib import Path

from claude_proxy.cli.background import lifecycle
from claude_proxy.cli.output.exit_codes import CommandError
from claude_proxy.cli.shell import activation
from claude_proxy.cli.shell.quoting import Shell, command_line, quote
from claude_proxy.store.files import write_private
from claude_proxy.store.home import Home

PACKAGE = Path(__file__).resolve().parents[2]
FOLDER = PACKAGE / "shells"
CLONE = PACKAGE.parents[1]
"""The folder with `proxy.py` and the PowerShell module, if the sources are those of a clone."""

MANIFEST = "ClaudeProxy.psd1"
MODULE_FILES = (MANIFEST, "ClaudeProxy.psm1")

_PARTS = {
    Shell.BASH: ("claude-proxy.sh", "completion.bash"),
    Shell.ZSH: ("claude-proxy.sh", "completion.zsh"),
    Shell.FISH: ("claude-proxy.fish",),
}


def launch_words() -> tuple[str, ...]:
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


def loading_line(shell: Shell) -> str:
    """Return the line of a profile that loads the functions in bash, zsh or fish."""
    call = command_line(shell, [*launch_words(), "init", shell.value])
    return f"{call} | source" if shell is Shell.FISH else f'eval "$({call})"'


def import_line(home: Home, clone: Path = CLONE, shipped: Path = FOLDER) -> str:
    """Return the line that imports the PowerShell module, after it was put in place. Raises `CommandError`.

    A clone's module finds `proxy.py` beside it; the one that a package ships finds the command on PATH.
    """
    folder = clone if (clone / MANIFEST).is_file() else _copy_module(home, shipped)
    return f"Import-Module -Name {quote(Shell.POWERSHELL, str(folder / MANIFEST))} -Force"


def _copy_module(home: Home, shipped: Path) -> Path:
    """Copy the module to the home folder. One from another version is replaced."""
    lifecycle.prepare(home)
    try:
        for name in MODULE_FILES:
            data = (shipped / name).read_bytes()
            if not (home.root / name).exists() or (home.root / name).read_bytes() != data:
                write_private(home.root / name, data)
    except OSError as error:
        raise CommandError(f"the PowerShell module cannot be copied to {home.root}: {error.strerror}") from error
    return home.root


def _prelude(shell: Shell) -> str:
    call = command_line(shell, launch_words())
    if shell is Shell.FISH:
        return (
            f"function _claude_proxy\n    {call} $argv\nend\n"
            "set -gx CLAUDE_PROXY_SHELL fish\n"
            f"set -g _claude_proxy_names {' '.join(activation.KNOWN)}\n"
        )
    return (
        "unalias claude-fb claude-switch claude-reset claude-status 2>/dev/null || :\n"
        f'_claude_proxy() {{ {call} "$@"; }}\n'
        f"export CLAUDE_PROXY_SHELL={shell.value}\n"
        f"_claude_proxy_names=({' '.join(activation.KNOWN)})\n"
    )
