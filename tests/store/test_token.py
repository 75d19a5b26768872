from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from claude_proxy.store.home import Home
from claude_proxy.store.lock import exclusive
from claude_proxy.store.token import installation_token


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
