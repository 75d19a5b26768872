"""Which variables a user's command gets."""

from __future__ import annotations

from claude_proxy.app.events.environment import environment


def test_gets_what_programs_need_and_no_other_variable() -> None:
    needed = {"PATH": "/bin", "HOME": "/home/me", "LC_ALL": "C", "XDG_RUNTIME_DIR": "/run", "SystemRoot": "C:"}
    others = {
        "MINIMAX_API_KEY": "sk-1",
        "ANTHROPIC_AUTH_TOKEN": "t",
        "ANTHROPIC_CUSTOM_HEADERS": "authorization: x",
        "HTTPS_PROXY": "http://user:password@proxy",
        "LD_PRELOAD": "x.so",
    }
    assert environment({**needed, **others}, set()) == needed


def test_a_key_that_is_in_a_variable_of_another_name_is_left_out() -> None:
    assert environment({"LC_KEY": "x sk-1 y", "HOME": "/home/me"}, {"sk-1", ""}) == {"HOME": "/home/me"}
