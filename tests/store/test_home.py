from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from claude_proxy.store.home import Home, HomeError

POSIX_MODES = pytest.mark.skipif(
    os.name == "nt", reason="Windows has no modes; the profile's access list keeps others out"
)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_variable_names_the_home(tmp_path: Path) -> None:
    assert Home.find({"CLAUDE_PROXY_HOME": str(tmp_path)}).root == tmp_path


@pytest.mark.parametrize("environ", [{}, {"CLAUDE_PROXY_HOME": ""}])
def test_without_it_the_home_is_in_the_users_own_folder(environ: dict[str, str]) -> None:
    assert Home.find(environ).root == Path.home() / ".claude-proxy"


def test_a_relative_home_does_not_move_with_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    home = Home.find({"CLAUDE_PROXY_HOME": "here"})
    monkeypatch.chdir("/")
    assert home.config == tmp_path / "here" / "config.json"


def test_finding_a_home_makes_nothing(tmp_path: Path) -> None:
    Home.find({"CLAUDE_PROXY_HOME": str(tmp_path / "new")})
    assert not (tmp_path / "new").exists()


@POSIX_MODES
def test_folders_are_made_for_their_owner_alone(tmp_path: Path) -> None:
    home = Home(tmp_path / "a" / "home")
    home.prepare()
    assert mode(home.root) == 0o700
    assert mode(home.state) == 0o700


@POSIX_MODES
def test_folders_that_others_may_read_are_made_private(tmp_path: Path) -> None:
    home = Home(tmp_path / "clone")
    home.state.mkdir(parents=True)
    home.root.chmod(0o755)
    home.state.chmod(0o777)
    home.prepare()
    assert mode(home.root) == 0o700
    assert mode(home.state) == 0o700


@POSIX_MODES
def test_a_shared_folder_keeps_its_mode(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    Home(shared).prepare()
    assert mode(shared) == 0o1777


def test_other_files_in_a_home_stay(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("a checkout", encoding="utf-8")
    Home(tmp_path).prepare()
    Home(tmp_path).prepare()
    assert {path.name for path in tmp_path.iterdir()} == {"README.md", "state"}


@POSIX_MODES
def test_the_target_of_a_link_in_place_of_the_state_keeps_its_mode(tmp_path: Path) -> None:
    system = tmp_path / "system"
    system.mkdir(mode=0o755)
    home = Home(tmp_path / "home")
    home.root.mkdir()
    home.state.symlink_to(system)
    home.prepare()
    assert mode(system) == 0o755


@POSIX_MODES
def test_a_home_that_is_a_link_is_made_private(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir(mode=0o755)
    home = Home(tmp_path / "home")
    home.root.symlink_to(tmp_path / "disk")
    home.prepare()
    assert mode(tmp_path / "disk") == 0o700


@POSIX_MODES
def test_a_state_that_another_user_made_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path)
    home.prepare()
    monkeypatch.setattr("claude_proxy.store.home.foreign_owner", lambda path: "user mallory" * (path == home.state))
    with pytest.raises(HomeError, match="state belongs to user mallory, not to you; remove it"):
        Home.find({"CLAUDE_PROXY_HOME": str(tmp_path)})
