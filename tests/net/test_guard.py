"""What the guard says to clients that it refuses, and which names of this machine it accepts."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from claude_proxy.net.guard import Guard

PROGRAM = "/home/me/claude-proxy/.venv/bin/python proxy.py"


@pytest.mark.parametrize(
    ("host", "program"),
    [("127.0.0.1", PROGRAM), ("::1", PROGRAM), ("10.0.0.5", "claude-proxy"), ("::", "claude-proxy")],
)
def test_tells_no_path_to_other_machines(host: str, program: str) -> None:
    refused = Guard(host, "token", PROGRAM).check_token({})
    assert refused is not None
    assert f"`{program} run -- claude`" in refused.body.decode()


def refused_host(guard: Guard, host: bytes) -> str:
    """Return what the guard says to a request with this Host, empty if it lets it in."""
    refused = guard.check_origin({b"host": host})
    return refused.body.decode() if refused else ""


@pytest.mark.parametrize("host", [b"devbox.example", b"devbox.example:8787", b"DevBox.Example.", b"other"])
def test_accepts_the_names_that_the_user_allows(host: bytes) -> None:
    assert refused_host(Guard("127.0.0.1", "token", PROGRAM), host)
    assert not refused_host(Guard("127.0.0.1", "token", PROGRAM, ("Devbox.example.", "other")), host)


def test_names_that_are_allowed_later_replace_those_before_and_never_our_own() -> None:
    guard = Guard("box.lan", "token", PROGRAM, ("a.example",))
    guard.allow(("b.example",))
    assert refused_host(guard, b"a.example")
    assert not any(refused_host(guard, host) for host in (b"b.example", b"box.lan", b"localhost", b"127.0.0.1"))


def test_an_allowed_name_does_not_allow_those_within_it() -> None:
    guard = Guard("127.0.0.1", "token", PROGRAM, ("example",))
    assert refused_host(guard, b"evil.example")


def test_the_refusal_of_a_host_names_the_setting_and_the_entry_to_add() -> None:
    text = refused_host(Guard("127.0.0.1", "token", PROGRAM), b"Devbox.Example:8787")
    assert "the Host header names devbox.example, which is not a name of this proxy's machine" in text
    assert r"add it to config.json: \"allowed_hosts\": [\"devbox.example\"]" in text


def test_the_refusal_of_a_host_repeats_no_more_than_a_name_may_have() -> None:
    assert len(refused_host(Guard("127.0.0.1", "token", PROGRAM), b"x" * 10_000)) < 1000


def test_a_malformed_host_is_called_that() -> None:
    assert "the Host header is malformed" in refused_host(Guard("127.0.0.1", "token", PROGRAM), b"a b")


@pytest.mark.parametrize("field", [b"authorization", b"x-api-key", b"x-claude-proxy-token"])
def test_the_refusal_of_a_token_names_the_settings_file_that_has_it(field: bytes) -> None:
    asked = list[str]()

    def sources(tokens: Iterable[str]) -> tuple[str, ...]:
        asked.extend(tokens)
        return ("env.ANTHROPIC_AUTH_TOKEN in /home/me/.claude/settings.json",)

    guard = Guard("127.0.0.1", "token", PROGRAM, token_sources=sources)
    refused = guard.check_token({field: b"Bearer stale" if field == b"authorization" else b"stale"})
    assert refused is not None
    text = refused.body.decode()
    assert "env.ANTHROPIC_AUTH_TOKEN in /home/me/.claude/settings.json is another one. Remove it there" in text
    assert asked == ["stale"]
    assert "stale" not in text


def test_a_token_from_elsewhere_is_said_to_be_another_one() -> None:
    refused = Guard("127.0.0.1", "token", PROGRAM).check_token({b"x-api-key": b"stale"})
    assert refused is not None
    assert "another one was sent" in refused.body.decode()
    assert f"`{PROGRAM} doctor` names the file" in refused.body.decode()


def test_other_machines_are_told_no_settings_file() -> None:
    guard = Guard("10.0.0.5", "token", PROGRAM, token_sources=lambda _: ("env.X in /home/me",))
    refused = guard.check_token({b"x-api-key": b"stale"})
    assert refused is not None
    assert "/home/me" not in refused.body.decode()
