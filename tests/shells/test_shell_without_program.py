"""A profile's line outlives what it calls: an upgraded Python, a moved clone, a package that is gone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from claude_proxy.cli.shell import functions, profiles
from claude_proxy.cli.shell.quoting import Shell
from fakes.command_line import PATIENCE
from shells.terminals import PROGRAMS, SHELLS, program

POSIX = [shell for shell in SHELLS if shell is not Shell.POWERSHELL]
PRINTS_A_FUNCTION = "print('function claude-fb; echo works; end' if 'fish' in __import__('sys').argv else {!r})".format(
    "function claude-fb { echo works; }"
)

pytestmark = pytest.mark.skipif(os.name == "nt", reason="bash, zsh and fish as POSIX systems have them")


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone, in which this program seems to run, and whose `proxy.py` prints a function."""
    root = tmp_path / "it's a clone"
    (root / ".venv").mkdir(parents=True)
    (root / "proxy.py").write_text(PRINTS_A_FUNCTION, encoding="utf-8")
    monkeypatch.setattr(functions, "CLONE", root)
    monkeypatch.setattr(sys, "prefix", str(root / ".venv"))
    return root


def run(shell: Shell, line: str, *, path: str = os.environ["PATH"]) -> tuple[int, str, str]:
    """Run a line as a shell's profile does, and return its exit code, output and messages."""
    done = subprocess.run(
        [program(PROGRAMS[shell]), "-c", line],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("shell", POSIX, ids=lambda shell: shell.value)
def test_the_functions_are_loaded(shell: Shell, clone: Path) -> None:
    assert run(shell, f"{functions.loading_line(shell)}\nclaude-fb") == (0, "works\n", "")


@pytest.mark.parametrize("shell", POSIX, ids=lambda shell: shell.value)
def test_they_are_loaded_by_another_python_if_theirs_is_gone(
    shell: Shell, clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "_base_executable", "/opt/python@3.11/bin/python3.11", raising=False)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(sys.executable)
    path = f"{tmp_path / 'bin'}:/usr/bin:/bin"
    assert run(shell, f"{functions.loading_line(shell)}\nclaude-fb", path=path) == (0, "works\n", "")


@pytest.mark.parametrize("gone", ["the clone", "every Python"])
@pytest.mark.parametrize("shell", POSIX, ids=lambda shell: shell.value)
def test_a_shell_starts_without_an_error_if_something_is_gone(
    shell: Shell, gone: str, clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = os.environ["PATH"]
    if gone == "the clone":
        clone.rename(tmp_path / "moved")
    else:
        monkeypatch.setattr(sys, "_base_executable", "/opt/python3.11", raising=False)
        path = str(tmp_path)
    options = "" if shell is Shell.FISH else "set -eu\n"
    assert run(shell, f"{options}{functions.loading_line(shell)}\necho started", path=path) == (0, "started\n", "")


@pytest.mark.parametrize("gone", ["program", "python"])
@pytest.mark.parametrize("shell", POSIX, ids=lambda shell: shell.value)
def test_a_shell_starts_without_an_error_if_the_package_is_gone(
    shell: Shell, gone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(functions, "CLONE", tmp_path)
    python = tmp_path / "python"
    if gone == "program":
        python.write_text("#!/bin/sh\necho No module named claude_proxy >&2\nexit 1\n", encoding="utf-8")
        python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    options = "" if shell is Shell.FISH else "set -eu\n"
    assert run(shell, f"{options}{functions.loading_line(shell)}\necho started") == (0, "started\n", "")


@pytest.mark.parametrize("shell", POSIX, ids=lambda shell: shell.value)
def test_an_open_terminal_says_that_the_clone_was_moved(shell: Shell, clone: Path, tmp_path: Path) -> None:
    loaded = functions._prelude(shell)
    code, out, err = run(shell, f"{loaded}_claude_proxy {shell.value}\n")
    assert (code, err) == (0, "")
    assert out.startswith("function claude-fb")
    clone.rename(tmp_path / "moved")
    code, out, err = run(shell, f"{loaded}_claude_proxy status\n")
    assert (code, out) == (127, "")
    assert err == f"claude-proxy: {clone / 'proxy.py'} is gone. {functions._IF_MOVED}\n"


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell.value)
def test_each_line_is_added_and_removed(shell: Shell, clone: Path, tmp_path: Path) -> None:
    (clone / functions.MANIFEST).touch()
    line = functions.import_line(None, clone) if shell is Shell.POWERSHELL else functions.loading_line(shell)  # type: ignore[arg-type]
    path = tmp_path / "profile"
    path.write_bytes(b"a=1\n")
    added = profiles.install(path, line)
    assert added is not None
    added.write()
    assert profiles.install(path, line) is None
    removed = profiles.uninstall(path)
    assert removed is not None
    removed.write()
    assert path.read_bytes() == b"a=1\n"


def test_a_python_is_called_by_the_name_that_an_upgrade_keeps(tmp_path: Path) -> None:
    real = tmp_path / "Cellar" / "python@3.14" / "3.14.1" / "bin" / "python3.14"
    real.parent.mkdir(parents=True)
    real.write_text("#!/bin/sh\n", encoding="utf-8")
    real.chmod(0o755)
    folder, venv = tmp_path / "bin", tmp_path / "venv" / "bin"
    for place in (folder, venv):
        place.mkdir(parents=True)
        (place / "python3").symlink_to(real)
    (venv.parent / "pyvenv.cfg").touch()
    assert functions.lasting_python(str(real), {"PATH": str(folder)}) == str(folder / "python3")
    assert functions.lasting_python(str(real), {"PATH": str(venv)}) == str(real)
    assert functions.lasting_python("/opt/other/python3", {"PATH": str(folder)}) == "/opt/other/python3"
