"""A lock lets one process in; on a disk without locks the path is named, with the way out."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from claude_proxy.cli.background import lifecycle
from claude_proxy.cli.output.exit_codes import CommandError
from claude_proxy.cli.user_config.config_files import ConfigFiles
from claude_proxy.store import lock
from claude_proxy.store.home import Home
from claude_proxy.store.lock import LockError, exclusive


def test_a_lock_that_is_held_is_waited_for(tmp_path: Path) -> None:
    with exclusive(tmp_path / "a.lock", 0), pytest.raises(TimeoutError), exclusive(tmp_path / "a.lock", 0):
        pass
    with exclusive(tmp_path / "a.lock", 0):
        pass


def test_a_folder_that_does_not_exist_is_no_disk_without_locks(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), exclusive(tmp_path / "missing" / "a.lock", 0):
        pass


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """As a disk without locks answers."""
    number: int = request.param

    def refuse(_: int) -> None:
        raise OSError(number, "No locks available")

    monkeypatch.setattr(lock, "_try_lock", refuse)


USES: dict[str, Callable[[Home], object]] = {
    "start": lifecycle.ensure,
    "serve": lambda home: lifecycle.claim(home).__enter__(),
    "write": lambda home: ConfigFiles.read(home).write(config="{}"),
    "token": lifecycle.token_of,
}
NUMBERS = [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EIO]


@pytest.mark.usefixtures("no_locks")
@pytest.mark.parametrize("no_locks", NUMBERS, indirect=True)
def test_a_disk_without_locks_is_told_with_the_path(tmp_path: Path) -> None:
    with pytest.raises(LockError) as caught, exclusive(tmp_path / "a.lock", 0):
        pass
    assert caught.value.filename == str(tmp_path / "a.lock")


@pytest.mark.usefixtures("no_locks")
@pytest.mark.parametrize("no_locks", NUMBERS, indirect=True)
@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_each_command_names_the_file_and_the_way_out(tmp_path: Path, use: Callable[[Home], object]) -> None:
    home = Home(tmp_path / "home")
    home.prepare()
    with pytest.raises(CommandError) as caught:
        use(home)
    assert str(home.state) in str(caught.value)
    assert ".lock cannot be locked: No locks available" in str(caught.value)
    assert "Set CLAUDE_PROXY_HOME to a folder on a disk of this machine" in caught.value.hint
    assert not home.config.exists()
