"""The ledger of a running proxy: its file, and what its user hears of it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest

from fakes.command_line import PATIENCE, CommandLine, line_with, one_request
from store.usage_db.accounts import rows


def ask(cli: CommandLine, session: str) -> None:
    """Send the running proxy one request."""
    variables = {"ANTHROPIC_BASE_URL": f"http://127.0.0.1:{cli.running().port}", "ANTHROPIC_AUTH_TOKEN": cli.token()}
    subprocess.run(one_request(session), env=cli.environ(variables), check=True, timeout=PATIENCE)


def sessions(cli: CommandLine) -> list[str]:
    return [row["session"] for row in rows(cli.home.usage)]


@pytest.fixture
def running(cli: CommandLine, upstream: str) -> Iterator[CommandLine]:
    cli.configure(upstream)
    yield cli
    cli("stop")


def test_a_request_that_ended_just_before_a_stop_is_kept(running: CommandLine) -> None:
    with running.spawned("serve") as process:
        line_with(process.stdout, "listens at")
        ask(running, "a")
        running.end(process)
    assert {path.name for path in running.home.state.glob("usage.db*")} == {"usage.db"}  # closed properly
    [row] = rows(running.home.usage)
    assert (row["session"], row["provider"], row["status"], row["ending"]) == ("a", "minimax", 200, "complete")


def test_while_another_program_locks_the_file_status_says_so_and_it_is_written_later(running: CommandLine) -> None:
    running("start")
    ask(running, "before")
    with closing(sqlite3.connect(running.home.usage, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        ask(running, "during")
        note = wait_for(running, "usage.db cannot be written")
        assert "another program has locked it" in note
        assert "another program has locked it" in running("status").out.replace("\n", " ")
        connection.execute("COMMIT")
    assert "is written again" in wait_for(running, "is written again")
    assert sessions(running) == ["before", "during"]


def test_a_stop_while_the_file_is_locked_ends_and_says_what_is_missing(running: CommandLine) -> None:
    running("start")
    ask(running, "before")
    running("restart")  # so that this request is written
    with closing(sqlite3.connect(running.home.usage, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        ask(running, "during")
        assert running("stop").code == 0
        connection.execute("COMMIT")
    assert "usage.db: 1 request is missing in it" in running.home.log.read_text(encoding="utf-8")
    assert sessions(running) == ["before"]


def test_a_proxy_serves_beside_a_file_that_it_cannot_use(running: CommandLine) -> None:
    running.home.prepare()
    running.home.usage.mkdir()
    running("start")
    ask(running, "a")
    assert "usage.db cannot be written" in wait_for(running, "usage.db")
    running.home.usage.rmdir()
    running("stop")
    assert sessions(running) == ["a"]


def wait_for(cli: CommandLine, words: str) -> str:
    """Wait for a line of the log with these words."""
    command = [sys.executable, "-m", "claude_proxy", "logs", "-f"]
    with subprocess.Popen(command, env=cli.environ(), stdout=subprocess.PIPE, text=True) as process:
        try:
            return line_with(process.stdout, words)
        finally:
            process.kill()
