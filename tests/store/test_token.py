from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from claude_proxy.store.home import Home
from claude_proxy.store.lock import exclusive
from claude_proxy.store.token import exposure, installation_token, secure_token


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path)
    made.prepare()
    return made


def test_a_token_is_made_once(home: Home) -> None:
    token = installation_token(home)
    assert len(token) >= 43
    assert installation_token(home) == token
    assert home.token.read_text(encoding="ascii") == token + "\n"


def test_two_homes_have_two_tokens(home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / "other")
    other.prepare()
    assert installation_token(home) != installation_token(other)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_only_its_owner_may_read_it(home: Home) -> None:
    installation_token(home)
    assert stat.S_IMODE(home.token.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff" * 43, b"two words that are long enough\n", b"\0" * 43])
def test_a_damaged_token_is_replaced(home: Home, content: bytes) -> None:
    home.token.write_bytes(content)
    token = installation_token(home)
    assert len(token) >= 43
    assert installation_token(home) == token


def test_processes_that_start_at_the_same_time_get_the_same_token(home: Home) -> None:
    code = (
        "import sys; from pathlib import Path; from claude_proxy.store.home import Home;"
        "from claude_proxy.store.token import installation_token;"
        "sys.stdin.read(1); print(installation_token(Home(Path(sys.argv[1]))))"
    )
    command = [sys.executable, "-c", code, str(home.root)]
    source = str(Path(__file__).parents[2] / "src")
    processes = [
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": source}
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("g")
        process.stdin.flush()
    tokens = {process.communicate(timeout=30)[0] for process in processes}
    assert tokens == {installation_token(home) + "\n"}


def test_it_waits_while_another_process_makes_it(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("claude_proxy.store.token.LOCK_TIMEOUT", 0)
    with exclusive(home.state / "token.lock", 0), pytest.raises(TimeoutError):
        installation_token(home)
    assert not home.token.exists()


def test_a_lock_is_free_again_after_its_block(tmp_path: Path) -> None:
    for _ in range(2):
        with exclusive(tmp_path / "lock", 0):
            pass


POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has no modes, and links take privileges there")


@POSIX
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602, 0o604, 0o777])
def test_a_token_that_others_could_read_or_write_is_replaced_once(home: Home, mode: int) -> None:
    old = installation_token(home)
    home.token.chmod(mode)
    assert exposure(home) == f"other users of this machine may use state/token (mode {mode:04o})"
    assert installation_token(home) == old, "a running proxy has it: only the next one takes another"
    done = secure_token(home)
    assert done.startswith(f"other users of this machine could use state/token (mode {mode:04o}), so it was replaced.")
    new = installation_token(home)
    assert new != old
    assert stat.S_IMODE(home.token.stat().st_mode) == 0o600
    assert (exposure(home), secure_token(home), installation_token(home)) == ("", "", new)


def test_a_private_token_stays_and_none_is_made(home: Home) -> None:
    assert (exposure(home), secure_token(home), home.token.exists()) == ("", "", False)
    token = installation_token(home)
    assert (exposure(home), secure_token(home), installation_token(home)) == ("", "", token)


@POSIX
def test_on_a_disk_without_permissions_the_token_stays(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    token = installation_token(home)
    home.token.chmod(0o777)
    monkeypatch.setattr(os, "fchmod", lambda *_: None)
    assert "its disk keeps no permissions" in secure_token(home)
    assert installation_token(home) == token


@POSIX
def test_a_token_that_cannot_be_replaced_stays_and_is_told(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    token = installation_token(home)
    home.token.chmod(0o644)

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert "it cannot be replaced: No space left on device" in secure_token(home)
    assert installation_token(home) == token


@POSIX
def test_root_does_not_replace_a_users_token(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    token = installation_token(home)
    home.token.chmod(0o644)
    monkeypatch.setattr(os, "geteuid", lambda: home.token.stat().st_uid + 1)
    assert "its owner has to remove it" in secure_token(home)
    monkeypatch.undo()
    assert installation_token(home) == token


@POSIX
def test_a_link_in_place_of_the_token_is_an_error(home: Home, tmp_path: Path) -> None:
    (tmp_path / "known").write_text("a-text-that-everybody-knows\n", encoding="ascii")
    home.token.symlink_to(tmp_path / "known")
    with pytest.raises(OSError, match="it is a link"):
        installation_token(home)


@POSIX
def test_a_pipe_in_place_of_the_token_is_replaced(home: Home) -> None:
    os.mkfifo(home.token)
    assert len(installation_token(home)) >= 43
    assert home.token.is_file()


@POSIX
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_lock_is_a_file_of_ours(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "lock"
    if kind == "link":
        path.symlink_to(tmp_path / "elsewhere")
    else:
        os.mkfifo(path)
    with pytest.raises(OSError, match="remove it"), exclusive(path, 0):
        pass
    assert not (tmp_path / "elsewhere").exists()


@POSIX
def test_on_a_disk_that_cannot_be_written_a_file_can_still_be_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lock"
    path.touch()
    open_file = os.open

    def read_only(name: str, flags: int, mode: int = 0o777) -> int:
        if flags & (os.O_RDWR | os.O_WRONLY | os.O_CREAT):
            raise OSError(errno.EROFS, "Read-only file system", name)
        return open_file(name, flags, mode)

    monkeypatch.setattr(os, "open", read_only)
    with exclusive(path, 0), pytest.raises(TimeoutError), exclusive(path, 0):
        pass
    path.unlink()
    with pytest.raises(FileNotFoundError), exclusive(path, 0):
        pass
