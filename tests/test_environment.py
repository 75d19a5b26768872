"""A program that a test starts finds the same signals, file modes and variables, whoever runs the tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60.0
SHOW = """
import json, os, signal
ignored = [one.name for one in signal.Signals if signal.getsignal(one) is signal.SIG_IGN]
print(json.dumps([ignored, os.umask(0), dict(os.environ)]))
"""
ODD_CALLER = """
import os, signal, sys
for name in ("SIGINT", "SIGHUP", "SIGTERM", "SIGQUIT", "SIGUSR1", "SIGCHLD"):
    signal.signal(getattr(signal, name), signal.SIG_IGN)
os.umask(0o077)
os.close(0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
ODD_VARIABLES = {
    "BASH_ENV": "/nowhere",
    "COLUMNS": "20",
    "LC_ALL": "C",
    "MINIMAX_API_KEY": "sk-own",
    "PYTHONWARNINGS": "error",
    "TERM": "xterm-256color",
    "XDG_CONFIG_HOME": "/nowhere",
}

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and file modes as POSIX has them")


def test_a_program_starts_with_default_signals_modes_and_variables() -> None:
    done = subprocess.run([sys.executable, "-c", SHOW], capture_output=True, timeout=PATIENCE, check=True)
    ignored, umask, variables = json.loads(done.stdout)
    assert set(ignored) <= {"SIGPIPE", "SIGXFSZ"}  # which Python itself ignores
    assert umask == 0o022
    assert not set(ODD_VARIABLES) & set(variables)
    assert variables["HOME"] == os.environ["HOME"]


def test_it_does_so_when_the_caller_ignores_signals_and_sets_variables() -> None:
    this_file = Path(__file__).relative_to(ROOT).as_posix()
    test = f"{this_file}::{test_a_program_starts_with_default_signals_modes_and_variables.__name__}"
    command = [sys.executable, "-c", ODD_CALLER, "-W", "default", "-m", "pytest", "-q", "-p", "no:cacheprovider", test]
    environ = {**os.environ, **ODD_VARIABLES}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
