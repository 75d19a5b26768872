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

LONG_TESTS = ("shells", "client")
"""Folders of tests that wait for shells and for Claude Code."""

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


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give each worker its share of the long tests, and those first.

    pytest-xdist divides the tests in their order, in which the long ones stand together: without this, one worker
    would have most of them, and the last minute would belong to it alone.
    """
    workers = int(getattr(config, "workerinput", {}).get("workercount", 1))
    if workers == 1:
        return
    long = [item for item in items if is_long(item)]
    short = [item for item in items if not is_long(item)]
    items[:] = [item for n in range(workers) for item in (*_share(long, n, workers), *_share(short, n, workers))]


def is_long(item: pytest.Item) -> bool:
    """Tell whether a test is one of the long ones."""
    return item.path.parent.name in LONG_TESTS


def _share(items: list[pytest.Item], number: int, count: int) -> list[pytest.Item]:
    """Return one of `count` parts of a list; the parts follow each other."""
    return items[len(items) * number // count : len(items) * (number + 1) // count]
