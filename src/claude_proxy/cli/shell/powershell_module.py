"""The PowerShell module, at a place from which it can be imported: in a clone where it is, else in the home folder."""

from __future__ import annotations

from pathlib import Path

from claude_proxy.cli.background import lifecycle
from claude_proxy.cli.output.exit_codes import CommandError
from claude_proxy.cli.shell.functions import CLONE, FOLDER
from claude_proxy.cli.shell.quoting import Shell, quoted
from claude_proxy.store.files import write_private
from claude_proxy.store.home import Home

MANIFEST = "ClaudeProxy.psd1"
FILES = (MANIFEST, "ClaudeProxy.psm1")


def loading(home: Home, clone: Path = CLONE, shipped: Path = FOLDER) -> str:
    """Return the line that imports the module, which is put in place first. Raises `CommandError`.

    A clone's module finds `proxy.py` beside it; the one that a package ships finds the command on PATH.
    """
    folder = clone if (clone / MANIFEST).is_file() else _put(home, shipped)
    return f"Import-Module -Name {quoted(Shell.POWERSHELL, str(folder / MANIFEST))} -Force"


def _put(home: Home, shipped: Path) -> Path:
    """Copy the module to the home folder. One that is there from another version is replaced."""
    lifecycle.prepare(home)
    try:
        for name in FILES:
            data = (shipped / name).read_bytes()
            if not (home.root / name).exists() or (home.root / name).read_bytes() != data:
                write_private(home.root / name, data)
    except OSError as error:
        raise CommandError(f"the module cannot be copied to {home.root}: {error.strerror}") from error
    return home.root
