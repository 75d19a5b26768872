"""Holds for every test: the user's home, keys and settings, and what the caller has set, are out of reach."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

OWN_SETTINGS = ("ANTHROPIC_", "CLAUDE_CODE_")
WAY_OUT = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
TERMINAL = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "LINES", "TERM", "COLORTERM")
STARTUP_FILES = ("ENV", "BASH_ENV", "ZDOTDIR", "SHELLOPTS", "BASHOPTS", "PSMODULEPATH")
PROGRAMS = ("PYTHON", "XDG_", "LC_", "LANG")
UTF_8 = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
IGNORED_BY_PYTHON = {"SIGPIPE", "SIGXFSZ"}
"""Python ignores these from its start, and `subprocess` resets them in the programs that it starts."""

# A busy machine is no defect, and the clock is no part of what these tests state.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_configure(config: pytest.Config) -> None:
    """Change the environment before any test module is read, and give it back at the end."""
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    folder = tempfile.TemporaryDirectory(prefix="claude-proxy-tests-", ignore_cleanup_errors=True)
    config.add_cleanup(folder.cleanup)
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    for variable in list(os.environ):
        if is_personal(variable.upper()):
            patch.delenv(variable)
    patch.setenv("XDG_CACHE_HOME", cache)  # where programs for tests are kept, such as the real client
    for variable in ("HOME", "USERPROFILE"):
        patch.setenv(variable, folder.name)
    patch.setenv("CLAUDE_PROXY_HOME", str(Path(folder.name) / ".claude-proxy"))
    patch.setenv("LANG", UTF_8)
    for variable in ("COLUMNS", "LINES"):  # pytest loads readline, which sets them past `os.environ`
        os.unsetenv(variable)
    os.umask(0o022)
    catch_ignored_signals()


def is_personal(variable: str) -> bool:
    """Tell whether a variable is the user's own and could change what a test sees."""
    exact = variable in WAY_OUT + TERMINAL + STARTUP_FILES
    return exact or variable.endswith("_API_KEY") or variable.startswith(OWN_SETTINGS + PROGRAMS)


def catch_ignored_signals() -> None:
    """Let programs that tests start react to each signal, though our caller ignores it.

    A shell script ignores SIGINT for what it starts in the background, `nohup` ignores SIGHUP. A program inherits an
    ignored signal, but a caught one is reset to its default. So we catch it and do nothing, which ignores it as before.
    """
    for number in signal.valid_signals():
        name = getattr(number, "name", "")
        if name not in IGNORED_BY_PYTHON and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
