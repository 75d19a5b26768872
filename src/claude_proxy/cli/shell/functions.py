"""What `claude-proxy init` prints: the functions of a shell, after the line that calls this very program.

PowerShell has a module instead. In a clone it is imported from there, else it is copied to the home folder.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from claude_proxy.cli.background import lifecycle
from claude_proxy.cli.output.exit_codes import CommandError
from claude_proxy.cli.shell import activation
from claude_proxy.cli.shell.quoting import Shell, quote
from claude_proxy.store.files import write_private
from claude_proxy.store.home import Home
from claude_proxy.store.own_files import read_own

PACKAGE = Path(__file__).resolve().parents[2]
FOLDER = PACKAGE / "shells"
CLONE = PACKAGE.parents[1]
"""The folder with `proxy.py` and the PowerShell module, if the sources are those of a clone."""

MANIFEST = "ClaudeProxy.psd1"
MODULE_FILES = (MANIFEST, "ClaudeProxy.psm1")

_IF_MOVED = "If you moved it, run there: python3 proxy.py init --install"

_PARTS = {
    Shell.BASH: ("claude-proxy.sh", "completion.bash"),
    Shell.ZSH: ("claude-proxy.sh", "completion.zsh"),
    Shell.FISH: ("claude-proxy.fish",),
}


@dataclass(frozen=True, slots=True)
class Launcher:
    """What runs this program from anywhere, whatever is on PATH: a Python, and the words after it."""

    python: str
    words: tuple[str, ...]
    script: str = ""
    """The clone's `proxy.py`, which any Python can run; empty if the program is installed in `python`."""


def launcher() -> Launcher:
    """Return what runs this program.

    In a clone's own `.venv` that is `proxy.py`, by the Python which the venv was made from: it brings the venv up to
    date after a pull.
    """
    start = CLONE / "proxy.py"
    if start.is_file() and Path(sys.prefix).resolve() == (CLONE / ".venv").resolve():
        python = lasting_python(getattr(sys, "_base_executable", sys.executable), os.environ)
        return Launcher(python, (str(start),), str(start))
    return Launcher(sys.executable, ("-P", "-m", "claude_proxy"))


def launch_words() -> tuple[str, ...]:
    """Return the words that run this program from anywhere, whatever is on PATH."""
    start = launcher()
    return (start.python, *start.words)


def lasting_python(executable: str, environ: Mapping[str, str]) -> str:
    """Return the path of a Python that stays when a newer one takes its place: `/usr/bin/python3`, if it is the same.

    The Python of a virtual environment does not count: it goes with its folder.
    """
    for name in ("python3", f"python3.{sys.version_info[1]}", "python"):
        found = shutil.which(name, path=environ.get("PATH"))
        if found and not (Path(found).parents[1] / "pyvenv.cfg").exists() and _is_same(found, executable):
            return str(Path(found).absolute())
    return executable


def _is_same(path: str, other: str) -> bool:
    try:
        return Path(path).samefile(other)
    except OSError:
        return False


def functions(shell: Shell) -> str:
    """Return the functions and their completion for bash, zsh or fish."""
    files = [(FOLDER / name).read_text(encoding="utf-8") for name in _PARTS[shell]]
    return "\n".join([_prelude(shell), *files])


def loading_line(shell: Shell) -> str:
    """Return the line of a profile that loads the functions in bash, zsh or fish.

    A shell starts without them, and without an error, if the program is gone. If its Python is gone, another one runs
    a clone.
    """
    start = launcher()
    python, script = quote(shell, start.python), quote(shell, start.script)
    call = " ".join([*(quote(shell, word) for word in start.words), "init", shell.value])
    if shell is Shell.FISH:
        if not start.script:
            return f"test -x {python}; and {python} {call} 2>/dev/null | source"
        return (
            f"begin; set -l p {python}; test -x $p; or set p python3; "
            f"test -f {script}; and type -q $p; and $p {call}; end | source"
        )
    if not start.script:
        return f'eval "$([ -x {python} ] && {python} {call} 2>/dev/null || :)"'
    return (
        f'eval "$(p={python}; [ -x "$p" ] || p=python3; '
        f'[ -f {script} ] && command -v "$p" >/dev/null && "$p" {call} || :)"'
    )


def import_line(home: Home, clone: Path = CLONE, shipped: Path = FOLDER) -> str:
    """Return the line that imports the PowerShell module if it is there, after it was put in place.

    A clone's module finds `proxy.py` beside it; the one that a package ships finds the command on PATH. Raises
    `CommandError`.
    """
    folder = clone if (clone / MANIFEST).is_file() else _copy_module(home, shipped)
    manifest = quote(Shell.POWERSHELL, str(folder / MANIFEST))
    return f"if (Test-Path -LiteralPath {manifest}) {{ Import-Module -Name {manifest} -Force }}"


def _copy_module(home: Home, shipped: Path) -> Path:
    """Copy the module to the home folder. One from another version is replaced."""
    lifecycle.prepare(home)
    try:
        for name in MODULE_FILES:
            data = (shipped / name).read_bytes()
            if _read(home.root / name, len(data)) != data:
                write_private(home.root / name, data)
    except OSError as error:
        raise CommandError(f"the PowerShell module cannot be copied to {home.root}: {error.strerror}") from error
    return home.root


def _read(path: Path, limit: int) -> bytes | None:
    try:
        return read_own(path, limit)
    except OSError:  # none is there, or something else: it is replaced
        return None


def _prelude(shell: Shell) -> str:
    if shell is Shell.FISH:
        return (
            f"function _claude_proxy\n{_call(shell)}end\n"
            "set -gx CLAUDE_PROXY_SHELL fish\n"
            f"set -g _claude_proxy_names {' '.join(activation.KNOWN)}\n"
        )
    return (
        "unalias claude-fb claude-switch claude-reset claude-status 2>/dev/null || :\n"
        f"_claude_proxy() {{\n{_call(shell)}}}\n"
        f"export CLAUDE_PROXY_SHELL={shell.value}\n"
        f"_claude_proxy_names=({' '.join(activation.KNOWN)})\n"
    )


def _call(shell: Shell) -> str:
    """Return the body of the function that runs this program; a terminal may outlive the Python, or the clone."""
    start = launcher()
    python, script = quote(shell, start.python), quote(shell, start.script)
    call = " ".join(quote(shell, word) for word in start.words)
    if not start.script:
        return f"    {python} {call} $argv\n" if shell is Shell.FISH else f'  {python} {call} "$@"\n'
    gone = quote(shell, f"claude-proxy: {start.script} is gone. {_IF_MOVED}")
    if shell is Shell.FISH:
        return (
            f"    set -l p {python}\n    test -x $p; or set p python3\n"
            f"    if not test -f {script}\n        echo {gone} >&2\n        return 127\n    end\n"
            f"    $p {call} $argv\n"
        )
    return (
        f'  local p={python}\n  [[ -x "$p" ]] || p=python3\n'
        f"  [[ -f {script} ]] || {{ echo {gone} >&2; return 127; }}\n"
        f'  "$p" {call} "$@"\n'
    )
