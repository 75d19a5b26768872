"""Claude Code's program where its installers put it: a shell may know it by an alias alone, and not from `PATH`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from claude_proxy.cli.claude_code.settings_files import config_folder

NAME = "claude"


def find_claude(environ: Mapping[str, str]) -> str | None:
    """Return the path of Claude Code in the folders of its installers; None if it is in none of them."""
    return shutil.which(NAME, path=os.pathsep.join(map(str, _folders(environ))))


def _folders(environ: Mapping[str, str]) -> tuple[Path, ...]:
    home = Path.home()
    local = dict.fromkeys((config_folder(environ) / "local", home / ".claude" / "local"))
    npm = [Path(environ[name], "npm") for name in ("APPDATA",) if environ.get(name)]
    return (
        *local,  # the installer that makes an alias
        *(folder / "node_modules" / ".bin" for folder in local),
        home / ".local" / "bin",
        home / ".npm-global" / "bin",
        home / ".bun" / "bin",
        home / ".volta" / "bin",
        *npm,
    )
