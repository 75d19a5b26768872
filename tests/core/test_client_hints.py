"""What Claude Code's hints say, and what becomes of values that no Claude Code sends."""

from __future__ import annotations

from claude_proxy.core.client_hints import NO_HINTS, ClientHints, read_hints, request_class


def test_a_request_without_hints_says_nothing() -> None:
    assert read_hints(((b"host", b"127.0.0.1"),)) is NO_HINTS


def test_all_hints_of_a_subagent_are_read() -> None:
    headers = (
        (b"x-claude-code-session-id", b"s"),
        (b"x-claude-code-request-class", b"subagent"),
        (b"x-claude-code-agent-id", b"a-2"),
        (b"x-claude-code-parent-agent-id", b"a-1"),
        (b"x-claude-code-agent-type", b"Explore"),
        (b"x-claude-code-prompt-id", b"p-1"),
    )
    assert read_hints(headers) == ClientHints("subagent", "a-2", "a-1", "Explore", "p-1")


def test_an_unknown_class_is_left_out() -> None:
    assert read_hints(((b"x-claude-code-request-class", b"other"),)).request_class == ""


def test_the_class_alone_is_read_as_with_all_hints() -> None:
    for value in (b"compaction", b"main", b"other", b"", b"\xff" * 9000, b"%61uxiliary", b" main"):
        field = (b"x-claude-code-request-class", value)
        headers = ((b"host", b"127.0.0.1"), field, (b"x-claude-code-request-class", b"workflow"))
        assert request_class(headers) == read_hints(headers).request_class
    assert request_class(()) == ""


def test_a_name_is_decoded_and_made_safe_to_show() -> None:
    headers = ((b"x-claude-code-agent-type", b"pr%C3%BCfer%1B[31m" + b"x" * 1000),)
    read = read_hints(headers).agent_type
    assert read.startswith("prüfer?[31m")
    assert len(read) == 64
