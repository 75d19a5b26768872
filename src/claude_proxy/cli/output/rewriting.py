"""Writing files that belong to the user: profiles, and Claude Code's settings."""

from __future__ import annotations

import contextlib
import stat
from pathlib import Path

from claude_proxy.cli.output.exit_codes import CommandError
from claude_proxy.store.home import write_private


def rewrite(path: Path, data: bytes, *, new_file_mode: int) -> None:
    """Put `data` in place of what a file holds, whole or not at all. Raises `CommandError`.

    Its mode stays, and a file that only links to another stays a link; where there was none, its folder is made too.
    """
    path = path.resolve()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else new_file_mode
        write_private(path, data)
        with contextlib.suppress(OSError):  # a file system without modes
            path.chmod(mode)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}") from error
