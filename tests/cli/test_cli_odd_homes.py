"""Homes that are damaged, or none at all: each is told in a line that names what is wrong."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from claude_proxy.store.running import Running
from fakes.command_line import CommandLine

COMMANDS = ["start", "status", "stop", "serve", "logs", "check", "doctor", "restart"]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_home_of_an_unknown_user_is_an_error(cli: CommandLine, command: str) -> None:
    done = cli(command, environ={"CLAUDE_PROXY_HOME": "~no-such-user/x"})
    assert (done.code, done.out) == (2, "")
    first, hint = done.err.splitlines()
    assert first.startswith("error: ~no-such-user/x cannot be found")
    assert "CLAUDE_PROXY_HOME" in hint


@pytest.mark.parametrize("command", ["start", "status", "stop", "serve", "check", "restart"])
@pytest.mark.parametrize("kind", ["a file", "a loop"])
def test_a_home_that_cannot_be_entered_is_an_error(cli: CommandLine, tmp_path: Path, command: str, kind: str) -> None:
    home = tmp_path / "odd"
    if kind == "a file":
        home.touch()
    elif os.name == "nt":
        pytest.skip("links take privileges on Windows")
    else:
        home.symlink_to(home)
    done = cli(command, environ={"CLAUDE_PROXY_HOME": str(home)})
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: ")
    assert str(home) in done.err


@pytest.mark.parametrize("name", ["start.lock", "serve.lock", "serve.err", "token.lock"])
def test_a_state_that_cannot_be_written_is_an_error_with_its_path(cli: CommandLine, upstream: str, name: str) -> None:
    cli.configure(upstream)
    (cli.home.state / name / "of somebody").mkdir(parents=True)
    done = cli("start")
    assert done.code == 1
    assert str(cli.home.state / name) in done.err


DAMAGES: dict[str, dict[str, object]] = {
    "no host": {"host": "a b\n"},
    "no name": {"host": "x" * 300},
    "a number for a host": {"host": 3},
    "a text for a port": {"port": "8787"},
    "every process": {"pid": -1},
    "our own group": {"pid": 0},
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_replaces_a_damaged_state_file(cli: CommandLine, upstream: str, damage: dict[str, object]) -> None:
    port = cli.configure(upstream)
    cli.home.prepare()
    whole = Running(pid=1, host="127.0.0.1", port=port, instance="gone", started_at=0, version="0.1.0")
    cli.home.running.write_bytes(msgspec.json.encode({**msgspec.to_builtins(whole), **damage}))
    assert cli("status").code == 1
    assert cli("start").code == 0
    assert cli("status").code == 0


def test_replaces_a_folder_in_place_of_the_state_file(cli: CommandLine, upstream: str) -> None:
    cli.configure(upstream)
    cli.home.running.mkdir(parents=True)
    assert cli("stop").out == "claude-proxy is not running\n"
    cli.home.running.mkdir()
    assert cli("start").code == 0
    assert cli("status").code == 0


@pytest.mark.parametrize("command", [["start"], ["status"], ["run", "--", "true"]])
def test_a_token_that_was_removed_asks_for_a_restart(started: CommandLine, command: list[str]) -> None:
    started.home.token.unlink()
    done = started(*command)
    assert done.code == 1
    assert "does not accept the token" in done.err
    assert "restart --force" in done.err


def test_a_forced_restart_replaces_a_token_that_was_removed(started: CommandLine) -> None:
    started.home.token.unlink()
    assert started("restart", "--force").code == 0
    assert started("status").code == 0


@pytest.mark.skipif(os.name == "nt", reason="links take privileges on Windows")
@pytest.mark.parametrize("command", [["start"], ["status"], ["stop"], ["run", "--", "true"]])
def test_an_unreadable_token_is_an_error_and_the_proxy_can_still_be_stopped(
    started: CommandLine, command: list[str]
) -> None:
    started.home.token.unlink()
    started.home.token.symlink_to(started.home.token)
    done = started(*command)
    assert done.code == 1
    assert f"error: the token of this home cannot be read or made: {started.home.token}: " in done.err
    assert started("stop", "--force").code == 0
    assert started("status").code == 1
