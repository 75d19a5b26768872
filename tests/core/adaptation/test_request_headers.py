from __future__ import annotations

import time

import pytest

from claude_proxy.core.adapt import Adapted, adapt
from claude_proxy.core.auth import Auth
from claude_proxy.core.traits import Traits
from claude_proxy.core.types import Headers, Provider
from core.builders import candidate, provider, request, rules

BETAS = b"claude-code-20250219,oauth-2025-04-20, context-1m-2025-08-07"


def sent(
    *rejected: str, betas: tuple[bytes, ...] = (BETAS,), auth: Auth = Auth.BEARER
) -> tuple[Headers, tuple[str, ...]]:
    """Return the headers with betas that a provider gets, and what was changed."""
    to = provider(traits=Traits(rejects=rules(*(f"beta:{name}" for name in rejected))), auth=auth)
    headers = (*((b"anthropic-beta", value) for value in betas), (b"x-app", b"cli"))
    result = adapt(request(b'{"model":"claude-opus-5-5"}', headers), candidate(to))
    lines = lines_of(result)
    assert b"x-app: cli" in lines
    pairs = [tuple(line.split(b": ", 1)) for line in lines if line.startswith(b"anthropic-beta")]
    return tuple((pair[0], pair[1]) for pair in pairs), result.changes


def lines_of(result: Adapted) -> list[bytes]:
    return result.head.removesuffix(b"\r\n\r\n").split(b"\r\n")


def test_drops_a_rejected_beta() -> None:
    assert sent("context-1m-2025-08-07") == (
        ((b"anthropic-beta", b"claude-code-20250219"),),
        ("beta:oauth-2025-04-20", "beta:context-1m-2025-08-07"),
    )


def test_a_head_full_of_betas_is_no_work() -> None:
    many = [b"%x" % number for number in range(4096, 34_096)]
    began = time.process_time()
    fields, changes = sent("context-1m-2025-08-07", betas=(b",".join([*many, b"oauth-2025-04-20"]),))
    assert fields == ((b"anthropic-beta", b",".join(many)),)
    assert changes == ("beta:oauth-2025-04-20",)
    assert time.process_time() - began < 3  # a look at each pair takes many times as long


def test_keeps_the_logins_beta_with_that_login_only() -> None:
    assert sent()[0] == ((b"anthropic-beta", b"claude-code-20250219,context-1m-2025-08-07"),)
    assert sent("x", auth=Auth.CLIENT) == (((b"anthropic-beta", BETAS),), ())


@pytest.mark.parametrize("rejected", [("*",), ("claude-code-20250219", "context-1m-2025-08-07")])
def test_drops_a_header_that_is_left_empty(rejected: tuple[str, ...]) -> None:
    headers, changes = sent(*rejected)
    assert headers == ()
    assert len(changes) == 3


def test_reads_each_line_of_the_header_and_keeps_those_without_a_rejected_beta() -> None:
    headers, changes = sent("b", betas=(b"a ,  c", b"a,b", b"b"))
    assert headers == ((b"anthropic-beta", b"a ,  c"), (b"anthropic-beta", b"a"))
    assert changes == ("beta:b*2",)


SESSION: Headers = ((b"x-claude-code-session-id", b"s-1"),)


def session_lines(to: Provider, headers: Headers = SESSION) -> list[bytes]:
    """Return the lines of the head that are about the session."""
    lines = lines_of(adapt(request(b'{"model":"claude-opus-5-5"}', headers), candidate(to)))
    return [line for line in lines if b"session" in line]


@pytest.mark.parametrize("auth", [Auth.BEARER, Auth.CLIENT])
def test_sends_the_session_in_the_providers_own_header(auth: Auth) -> None:
    to = provider(traits=Traits(session_header="x-session"), auth=auth)
    assert session_lines(to)[-1] == b"x-session: s-1"
    assert len(session_lines(to)) == (2 if auth is Auth.CLIENT else 1)
    assert session_lines(to, ()) == []
    assert session_lines(provider()) == []


def test_the_users_own_session_header_wins() -> None:
    to = provider(traits=Traits(session_header="x-session"), headers=((b"x-session", b"mine"),))
    assert session_lines(to) == [b"x-session: mine"]
