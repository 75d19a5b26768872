"""Files that another user owns, as after a command with sudo, are named with the command that gives them back."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from claude_proxy.cli.output import ownership
from claude_proxy.cli.output.exit_codes import not_written
from claude_proxy.store.home import Home
from fakes.command_line import PATIENCE, CommandLine

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such owners")

NOBODY = 65534
AS_NOBODY = """
import importlib, os, pkgutil, sys
import claude_proxy
from claude_proxy.config.catalogue import catalogue
for module in pkgutil.walk_packages(claude_proxy.__path__, "claude_proxy."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)  # now, since the other user may not read the sources
import encodings
for module in pkgutil.iter_modules(encodings.__path__, "encodings."):
    if module.name not in {"encodings.mbcs", "encodings.oem"}:
        importlib.import_module(module.name)
catalogue()
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
from claude_proxy.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def another_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As if we were another user than the owner of the tests' files, and could access none of them."""
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 4711)
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)


def test_files_of_our_own_need_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.prepare()
    home.env.touch()
    assert ownership.home_fix(home) == ""
    assert ownership.owner_fix(home.root / "missing") == ""


@pytest.mark.usefixtures("another_user")
def test_a_file_of_another_user_is_named_with_the_outermost_folder_of_that_owner(tmp_path: Path) -> None:
    folder = tmp_path / "my config" / "claude"
    folder.mkdir(parents=True)
    fix = ownership.owner_fix(folder / "settings.json")
    assert fix.startswith(f"{tmp_path / 'my config'} belongs to ")
    assert f"sudo chown -R {os.geteuid()} '{tmp_path / 'my config'}'" in fix
    error = not_written(PermissionError(13, "Permission denied", str(folder / "settings.json")))
    assert error.hint == fix


@pytest.mark.usefixtures("another_user")
@pytest.mark.parametrize("name", ["config.json", ".env", "proxy.log", "state/token", "state/start.lock"])
def test_each_file_of_a_home_counts(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path / "home")
    home.prepare()
    (home.root / name).touch()
    monkeypatch.setattr(os, "access", lambda path, _: Path(path).is_dir())
    assert "belongs to" in ownership.home_fix(home)


@pytest.mark.usefixtures("another_user")
def test_another_users_file_that_we_can_access_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path / "home")
    home.prepare()
    monkeypatch.setattr(os, "access", lambda *_: True)
    assert ownership.home_fix(home) == ""


def test_the_folder_around_a_home_of_our_own_is_left_to_its_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path / "opt" / "home")
    home.root.parent.mkdir()
    home.prepare()
    user, owner = os.geteuid() + 4711, ownership._owner
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(os, "access", lambda path, _: Path(path).is_relative_to(home.root))
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "elsewhere")
    monkeypatch.setattr(ownership, "_owner", lambda path: user if path.is_relative_to(home.root) else owner(path))
    assert ownership.owner_fix(home.state / "usage.db") == ""
    assert ownership.home_fix(home) == ""


@pytest.fixture
def user(cli: CommandLine) -> Iterator[CommandLine]:
    """The command of another user, whose home folder root has written to once."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to have files of two users")
    root = Path(tempfile.mkdtemp())
    root.chmod(0o755)
    os.chown(root, NOBODY, NOBODY)
    cli.extra |= {"HOME": str(root), "CLAUDE_PROXY_HOME": str(root / "claude-proxy")}
    yield cli
    shutil.rmtree(root)


@pytest.mark.parametrize(
    ("command", "owned"),
    [
        ("check", "config.json"),
        ("start", "."),
        ("start", "state"),
        ("doctor", ".env"),
        ("providers add ollama --model m", "state"),
        ("status", "."),
    ],
)
def test_each_command_that_fails_names_what_root_owns(user: CommandLine, command: str, owned: str) -> None:
    home = Home(Path(user.extra["CLAUDE_PROXY_HOME"]))
    home.prepare()
    home.config.write_text('{"providers": [{"preset": "minimax"}]}', encoding="utf-8")
    home.env.write_text("MINIMAX_API_KEY=sk-1\n", encoding="utf-8")
    for path in (home.root, home.config, home.env, home.state):
        path.chmod(0o700 if path.is_dir() else 0o600)
        os.chown(path, NOBODY, NOBODY)
    os.chown(home.root / owned, 0, 0)
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, *command.split()],
        env=user.environ(),
        cwd="/",
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    shown = done.stdout + done.stderr
    assert done.returncode in {1, 2}, shown
    assert "belongs to root, as after a command with sudo." in shown.replace("\n        To get it", ". To get it") + "."
    assert "sudo chown -R" in shown
    assert "Traceback" not in shown
