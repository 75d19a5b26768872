from __future__ import annotations

import pytest

from claude_proxy.core.adapt import adapt
from claude_proxy.core.traits import Traits
from claude_proxy.core.types import Auth, Headers
from core.builders import candidate, provider, request, rules

BETAS = b"claude-code-20250219,oauth-2025-04-20, context-1m-2025-08-07"


def sent(
    *refused: str, betas: tuple[bytes, ...] = (BETAS,), auth: Auth = Auth.BEARER
) -> tuple[Headers, tuple[str, ...]]:
    """Return the headers with betas that a provider gets, and what was changed."""
    to = provider(traits=Traits(rejects=rules(*(f"beta:{name}" for name in refused))), auth=auth)
    headers = (*((b"anthropic-beta", value) for value in betas), (b"x-app", b"cli"))
    result = adapt(request(b'{"model":"claude-opus-5-5"}', headers), candidate(to))
    lines = result.head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    assert b"x-app: cli" in lines
    pairs = [tuple(line.split(b": ", 1)) for line in lines if line.startswith(b"anthropic-beta")]
    return tuple((pair[0], pair[1]) for pair in pairs), result.changes


def test_a_beta_that_is_refused_is_taken_out() -> None:
    assert sent("context-1m-2025-08-07") == (
        ((b"anthropic-beta", b"claude-code-20250219"),),
        ("beta:oauth-2025-04-20", "beta:context-1m-2025-08-07"),
    )


def test_the_beta_of_the_clients_login_stays_with_that_login() -> None:
    assert sent()[0] == ((b"anthropic-beta", b"claude-code-20250219,context-1m-2025-08-07"),)
    assert sent("x", auth=Auth.CLIENT) == (((b"anthropic-beta", BETAS),), ())


@pytest.mark.parametrize("refused", [("*",), ("claude-code-20250219", "context-1m-2025-08-07")])
def test_a_header_of_which_nothing_is_left_goes(refused: tuple[str, ...]) -> None:
    headers, changes = sent(*refused)
    assert headers == ()
    assert len(changes) == 3


def test_each_line_of_the_header_is_looked_at_and_one_without_a_refused_beta_stays() -> None:
    headers, changes = sent("b", betas=(b"a ,  c", b"a,b", b"b"))
    assert headers == ((b"anthropic-beta", b"a ,  c"), (b"anthropic-beta", b"a"))
    assert changes == ("beta:b*2",)
