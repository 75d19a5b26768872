"""Holds for every test: the real home folder, the user's keys and the user's proxy settings are out of reach."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

OWN_SETTINGS = ("ANTHROPIC_", "CLAUDE_CODE_")
WAY_OUT = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
TERMINAL = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "LINES")


def pytest_configure(config: pytest.Config) -> None:
    """Change the environment before any test module is read, and give it back at the end."""
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    folder = tempfile.TemporaryDirectory(prefix="claude-proxy-tests-", ignore_cleanup_errors=True)
    config.add_cleanup(folder.cleanup)
    # where programs for tests are kept, such as the real client
    patch.setenv("XDG_CACHE_HOME", os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache"))
    for variable in ("HOME", "USERPROFILE"):
        patch.setenv(variable, folder.name)
    patch.setenv("CLAUDE_PROXY_HOME", str(Path(folder.name) / ".claude-proxy"))
    for variable in list(os.environ):
        if is_personal(variable.upper()):
            patch.delenv(variable)


def is_personal(variable: str) -> bool:
    """Tell whether a variable is the user's own and could change what a test sees."""
    return variable.endswith("_API_KEY") or variable.startswith(OWN_SETTINGS) or variable in WAY_OUT + TERMINAL
