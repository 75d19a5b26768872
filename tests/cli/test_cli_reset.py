"""`claude-reset` names the sessions that cannot go on without the proxy, before it stops it."""

from __future__ import annotations

import time

import pytest

from claude_proxy.cli import reset as reset_command
from fakes.command_line import CommandLine, one_request

SESSIONS = ["5f0c1d2e-0000-4000-8000-000000000001", "5f0c1d2e-0000-4000-8000-000000000002"]


def use(cli: CommandLine, *sessions: str) -> None:
    for session in sessions:
        assert cli("run", "--", *one_request(session)).code == 0


def test_names_the_sessions_of_the_last_minutes_and_how_they_go_on(started: CommandLine) -> None:
    use(started, *SESSIONS)
    done = started("reset", "--shell", "bash")  # in a terminal that was never led to the proxy
    assert "This terminal was not using the proxy." in done.err
    assert "2 sessions of Claude Code used the proxy in the last 10 minutes" in done.err
    assert all(session in done.err for session in SESSIONS)
    assert "minimax (claude-opus-5-5)" in done.err
    assert "Type claude-fb there, and they go on." in done.err
    assert "claude-reset --keep-proxy leaves the proxy running." in done.err
    assert done.out == "_claude_proxy 'stop' '--from-reset'\n"


def test_names_none_if_the_proxy_stays(started: CommandLine) -> None:
    use(started, SESSIONS[0])
    assert "Claude Code used the proxy" not in started("reset", "--shell", "bash", "--keep-proxy").err


def test_names_none_that_is_older(started: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    use(started, SESSIONS[0])
    monkeypatch.setenv("CLAUDE_PROXY_HOME", str(started.home.root))
    now = time.time()
    assert len(list(reset_command._recent_sessions(now))) == 4
    assert list(reset_command._recent_sessions(now + reset_command.RECENT)) == []


def test_names_a_few_of_many_the_newest_first(started: CommandLine) -> None:
    use(started, *(f"session-{number}" for number in range(reset_command.MAX_NAMED + 1)))
    said = started("reset", "--shell", "bash").err
    assert f"{reset_command.MAX_NAMED + 1} sessions" in said
    named = [line.split()[0] for line in said.splitlines() if line.startswith("  session-")]
    assert named == [f"session-{number}" for number in range(reset_command.MAX_NAMED, 0, -1)]


def test_says_nothing_of_sessions_if_the_proxy_does_not_run(cli: CommandLine) -> None:
    assert "Claude Code used the proxy" not in cli("reset", "--shell", "bash").err
